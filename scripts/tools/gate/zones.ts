/**
 * The zones of the tree, each program from the top down: each row says what a folder or file may
 * import besides itself. A zone without a row belongs to the one around it. No zone leads back.
 */
export interface Zone {
  /** Path of a folder, with a trailing slash, or of one file. */
  readonly path: string;
  /**
   * Folders, files, bare packages (`npm:hono`) and whole platforms (`node:`). A folder includes all
   * zones in it. A zone that names the folder around it gets that folder's files, but not its
   * sister folders.
   */
  readonly imports: readonly string[];
}

const CONTRACT: readonly Zone[] = [
  {
    path: "contract/",
    imports: [
      "npm:valibot",
      "npm:@noble/hashes",
      "npm:eventsource-parser",
      "npm:@huggingface/tokenizers",
      "npm:content-type",
    ],
  },
];

const GPU = "gpu-function/";
const GPU_PURE = [`${GPU}diffusion/`, `${GPU}text/`, `${GPU}insights/`];

const GPU_FUNCTION: readonly Zone[] = [
  {
    path: `${GPU}main.ts`,
    imports: ["contract/", "node:", `${GPU}server/`, `${GPU}jobs/`, `${GPU}engine/`, `${GPU}onnx/`],
  },
  {
    path: `${GPU}server/`,
    imports: ["contract/", "npm:hono", "npm:prom-client", "npm:valibot", `${GPU}jobs/`],
  },
  { path: `${GPU}jobs/`, imports: ["contract/"] },
  {
    path: `${GPU}engine/`,
    imports: [
      "contract/",
      "node:",
      `${GPU}jobs/`,
      `${GPU}packages/`,
      `${GPU}onnx/`,
      `${GPU}onnx/determinism_class.ts`,
      `${GPU}image/`,
      ...GPU_PURE,
    ],
  },
  {
    path: `${GPU}packages/`,
    imports: ["contract/", "node:", "npm:valibot", `${GPU}onnx/`, ...GPU_PURE],
  },
  {
    path: `${GPU}onnx/inference/native_session.ts`,
    imports: ["contract/", "node:", "npm:onnxruntime-node", `${GPU}onnx/`, `${GPU}diffusion/`],
  },
  { path: `${GPU}onnx/graph.ts`, imports: [] },
  { path: `${GPU}onnx/determinism_class.ts`, imports: ["deno.json"] },
  {
    path: `${GPU}onnx/`,
    imports: [
      "contract/",
      "node:",
      `${GPU}onnx/inference/native_session.ts`,
      `${GPU}onnx/graph.ts`,
      `${GPU}image/`,
      ...GPU_PURE,
    ],
  },
  {
    path: `${GPU}image/`,
    imports: ["node:", "npm:sharp", "npm:valibot", `${GPU}onnx/graph.ts`, ...GPU_PURE],
  },
  { path: `${GPU}insights/`, imports: [`${GPU}diffusion/`] },
  { path: `${GPU}text/`, imports: ["contract/"] },
  { path: `${GPU}diffusion/`, imports: [] },
  { path: `${GPU}fixtures/`, imports: ["contract/", "node:", GPU] },
];

/** Zones that both platforms put together. */
const EDGE_PARTS = [
  "app.ts",
  "scheduled.ts",
  "settings.ts",
  "dialects/",
  "webhooks/",
  "sweeps/",
  "generations/",
  "http/",
  "cache/",
  "limits/",
  "policy/",
  "rooms/",
  "observability/",
  "clock.ts",
  "environment.ts",
];

function edgeZone(path: string, outside: readonly string[], inside: readonly string[]): Zone {
  return { path: `edge/${path}`, imports: [...outside, ...inside.map((zone) => `edge/${zone}`)] };
}

/** The order is that of a request: from a platform's entrypoint to zones that know no requests. */
const EDGE: readonly Zone[] = [
  edgeZone("platforms/workerd/", ["contract/", "db/", "cloudflare:", "npm:drizzle-orm"], [
    "platforms/",
    "ports.ts",
    ...EDGE_PARTS,
  ]),
  edgeZone("platforms/deno/direct_loopback.ts", [], []),
  edgeZone("platforms/deno/", [
    "contract/",
    "db/",
    "node:",
    "npm:drizzle-orm",
    "npm:hono",
  ], ["platforms/", "backends/", "callers/", ...EDGE_PARTS]),
  edgeZone("platforms/", ["contract/", "db/", "npm:drizzle-orm"], [
    "settings.ts",
    "generations/",
    "backends/",
    "cache/",
    "limits/",
    "callers/",
    "policy/",
    "observability/",
    "circuit_breaker.ts",
  ]),
  edgeZone("app.ts", ["contract/", "npm:hono"], ["routes/", "ports.ts", "idempotency/", "http/"]),
  edgeZone("scheduled.ts", [], ["ports.ts", "webhooks/"]),
  edgeZone("settings.ts", [], [
    "webhooks/",
    "backends/",
    "http/",
    "cache/",
    "limits/",
    "callers/",
    "policy/",
    "environment.ts",
  ]),
  edgeZone("routes/", ["contract/"], [
    "openapi/",
    "ports.ts",
    "idempotency/",
    "webhooks/",
    "sweeps/",
    "generations/",
    "http/",
    "cache/",
    "limits/",
    "callers/",
    "policy/",
    "rooms/",
    "observability/",
    "brief_memory.ts",
  ]),
  edgeZone("openapi/", ["contract/", "npm:valibot", "npm:@valibot/to-json-schema"], ["dialects/"]),
  edgeZone("dialects/", ["contract/", "npm:hono", "npm:replicate", "npm:valibot"], [
    "ports.ts",
    "idempotency/",
    "generations/",
    "backends/",
    "http/",
    "callers/",
    "rooms/",
    "observability/",
    "clock.ts",
  ]),
  edgeZone("ports.ts", ["db/"], [
    "cache/",
    "idempotency/",
    "webhooks/",
    "generations/",
    "backends/",
    "http/",
    "observability/",
  ]),
  edgeZone("idempotency/", ["contract/", "db/", "npm:hono"], ["http/", "observability/"]),
  edgeZone("webhooks/", ["contract/", "db/", "npm:ipaddr.js", "npm:standardwebhooks"], [
    "sweeps/",
    "generations/",
    "http/",
    "callers/",
    "rooms/",
    "observability/",
    "environment.ts",
  ]),
  edgeZone("sweeps/", ["contract/", "db/"], [
    "generations/",
    "http/",
    "limits/",
    "callers/",
    "policy/",
    "rooms/",
    "observability/",
    "clock.ts",
  ]),
  edgeZone("generations/", ["contract/", "db/"], [
    "backends/",
    "http/",
    "cache/",
    "limits/",
    "callers/",
    "policy/",
    "rooms/",
    "observability/",
    "clock.ts",
  ]),
  edgeZone("backends/", ["contract/", "npm:replicate", "npm:valibot"], [
    "policy/",
    "rooms/",
    "observability/",
    "bounded_map.ts",
    "circuit_breaker.ts",
    "clock.ts",
    "environment.ts",
  ]),
  edgeZone("http/", ["contract/", "db/", "npm:hono"], [
    "limits/",
    "callers/",
    "observability/",
    "clock.ts",
    "environment.ts",
  ]),
  edgeZone("cache/", ["contract/", "db/", "npm:valibot"], [
    "policy/",
    "rooms/",
    "observability/",
    "bounded_map.ts",
    "clock.ts",
    "environment.ts",
  ]),
  edgeZone("limits/", ["contract/", "db/", "npm:structured-headers"], [
    "callers/",
    "observability/",
    "bounded_map.ts",
    "clock.ts",
    "environment.ts",
  ]),
  edgeZone("callers/", ["contract/", "db/", "npm:hono", "npm:ipaddr.js"], [
    "observability/",
    "bounded_map.ts",
    "brief_memory.ts",
    "environment.ts",
  ]),
  edgeZone("policy/", ["contract/", "db/", "npm:unhomoglyph"], [
    "environment.ts",
    "bounded_map.ts",
  ]),
  // Only these two files know what a room answers and whom it charges; its logs and streams do not.
  edgeZone("rooms/room_routes.ts", ["contract/"], ["http/", "callers/", "rooms/"]),
  edgeZone("rooms/room.ts", ["contract/"], ["limits/", "callers/", "rooms/", "observability/"]),
  edgeZone("rooms/", ["contract/"], ["observability/", "clock.ts"]),
  edgeZone("observability/", ["contract/", "npm:prom-client"], []),
  edgeZone("app_test.ts", ["db/"], []),
  // A new zone needs a row here before it can import anything; clock.ts and the like need none.
  edgeZone("", [], []),
];

/**
 * The tokenizer's library, which `contract/mod.ts` would load, is too large for a page. So these
 * zones import single files of the contract.
 */
export const OUT_OF_REACH = {
  zones: ["client/", "web/"],
  file: "contract/tokens/prompt_tokenizer.ts",
} as const;

const SCRIPTS = "scripts/";
const CHECKOUT = `${SCRIPTS}checkout.ts`;
const DIRECT_LOOPBACK = "edge/platforms/deno/direct_loopback.ts";
/** Zones that all scripts share, without any commands or experiments. */
const SHARED = ["command_line/", "pictures/", "engine/", "service/"].map((zone) => SCRIPTS + zone);

const SCRIPT_ZONES: readonly Zone[] = [
  { path: CHECKOUT, imports: ["node:"] },
  { path: `${SCRIPTS}command_line/`, imports: ["contract/", "node:", CHECKOUT, DIRECT_LOOPBACK] },
  {
    path: `${SCRIPTS}pictures/`,
    imports: ["node:", "npm:sharp", "npm:d3-scale-chromatic", `${GPU}image/`, `${GPU}insights/`],
  },
  {
    path: `${SCRIPTS}engine/`,
    imports: ["contract/", "node:", GPU, CHECKOUT, `${SCRIPTS}command_line/`],
  },
  {
    path: `${SCRIPTS}service/`,
    imports: [
      "contract/",
      "db/",
      "edge/",
      "node:",
      "npm:drizzle-orm",
      "npm:vite",
      "deno.json",
      GPU,
      CHECKOUT,
      `${SCRIPTS}command_line/`,
    ],
  },
  {
    path: `${SCRIPTS}cli/`,
    imports: ["contract/", "db/", "edge/", "node:", "npm:", "deno.json", GPU, CHECKOUT, ...SHARED],
  },
  {
    path: `${SCRIPTS}lab/`,
    imports: [
      "contract/",
      "node:",
      "npm:",
      GPU,
      CHECKOUT,
      ...SHARED.filter((zone) => zone !== `${SCRIPTS}service/`),
    ],
  },
  {
    path: `${SCRIPTS}tools/`,
    imports: ["contract/", "edge/", "node:", "npm:", "tests/", GPU, CHECKOUT, ...SHARED],
  },
];

/** Only the tools import tests: bench, fuzz and faults reuse their parts. */
const TESTS: Zone = {
  path: "tests/",
  imports: [
    "client/",
    "db/",
    "edge/",
    "web/",
    "deno.json",
    GPU,
    CHECKOUT,
    `${SCRIPTS}cli/`,
    ...SHARED,
  ],
};

export const ZONES: readonly Zone[] = [
  ...CONTRACT,
  ...GPU_FUNCTION,
  ...EDGE,
  {
    path: "db/",
    imports: ["contract/", "node:", "npm:@noble/hashes", "npm:drizzle-orm", "npm:drizzle-kit"],
  },
  { path: "client/", imports: ["contract/"] },
  {
    path: "web/",
    imports: ["client/", "contract/", "npm:d3-scale-chromatic", "npm:preact", "npm:vite"],
  },
  ...SCRIPT_ZONES,
  TESTS,
];
