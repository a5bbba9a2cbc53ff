/**
 * The rooms of the house, each program from the top down: what a file in a room may import, besides its
 * own room. A room without a row belongs to the one around it.
 */
export interface Room {
  /** A folder with a slash behind it, or one file. */
  readonly path: string;
  /** Folders, files, bare packages (`npm:hono`) and all of a platform (`node:`). */
  readonly imports: readonly string[];
}

const CONTRACT: readonly Room[] = [
  {
    path: "contract/",
    imports: [
      "npm:valibot",
      "npm:@noble/hashes",
      "npm:eventsource-parser",
      "npm:@huggingface/tokenizers",
    ],
  },
];

const GPU = "gpu-function/";
const GPU_PURE = [`${GPU}diffusion/`, `${GPU}text/`, `${GPU}insights/`];

const GPU_FUNCTION: readonly Room[] = [
  {
    path: `${GPU}main.ts`,
    imports: ["contract/", "node:", `${GPU}server/`, `${GPU}jobs/`, `${GPU}engine/`, `${GPU}onnx/`],
  },
  {
    path: `${GPU}server/`,
    imports: [
      "contract/",
      "npm:hono",
      "npm:prom-client",
      "npm:valibot",
      `${GPU}jobs/`,
      `${GPU}onnx/`,
    ],
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
      `${GPU}image/`,
      ...GPU_PURE,
    ],
  },
  {
    path: `${GPU}packages/`,
    imports: ["contract/", "node:", "npm:valibot", `${GPU}onnx/`, ...GPU_PURE],
  },
  {
    path: `${GPU}onnx/session.ts`,
    imports: ["contract/", "node:", "npm:onnxruntime-node", `${GPU}onnx/`, `${GPU}diffusion/`],
  },
  {
    path: `${GPU}onnx/`,
    imports: ["contract/", "node:", `${GPU}onnx/session.ts`, `${GPU}image/`, ...GPU_PURE],
  },
  {
    path: `${GPU}image/`,
    imports: ["node:", "npm:sharp", "npm:valibot", `${GPU}onnx/session.ts`, ...GPU_PURE],
  },
  { path: `${GPU}insights/`, imports: [`${GPU}diffusion/`] },
  { path: `${GPU}text/`, imports: ["contract/"] },
  { path: `${GPU}diffusion/`, imports: [] },
  { path: `${GPU}fixtures/`, imports: ["contract/", "node:", GPU] },
];

const EDGE: readonly Room[] = [
  {
    path: "edge/",
    imports: [
      "contract/",
      "db/",
      "node:",
      "npm:hono",
      "npm:drizzle-orm",
      "npm:@libsql/client",
      "npm:@cloudflare/workers-types",
      "npm:@valibot/to-json-schema",
      "npm:ipaddr.js",
      "npm:prom-client",
      "npm:replicate",
      "npm:standardwebhooks",
      "npm:structured-headers",
      "npm:unhomoglyph",
      "npm:valibot",
      "cloudflare:",
    ],
  },
];

export const ROOMS: readonly Room[] = [
  ...CONTRACT,
  ...GPU_FUNCTION,
  ...EDGE,
  {
    path: "db/",
    imports: ["contract/", "node:", "npm:drizzle-orm", "npm:drizzle-kit", "npm:@libsql/client"],
  },
  { path: "client/", imports: ["contract/"] },
  {
    path: "web/",
    imports: ["client/", "contract/", "npm:d3-scale-chromatic", "npm:preact", "npm:vite"],
  },
];
