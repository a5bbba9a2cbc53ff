/**
 * Dependencies point one way: what each folder may import, checked on the module graph.
 * `deno run -A scripts/tools/gate/boundaries.ts`
 */
import { type Import, moduleGraph } from "./module_graph.ts";
import { isTest, sourceFiles } from "../../checkout.ts";

interface Rule {
  /** Path prefix; the longest matching rule decides. */
  readonly folder: string;
  /** Path prefixes and bare specifiers (`npm:hono`, `node:`) it may import, besides itself. */
  readonly allowed: readonly string[];
}

export const RULES: readonly Rule[] = [
  {
    folder: "contract/",
    allowed: [
      "npm:valibot",
      "npm:@noble/hashes",
      "npm:eventsource-parser",
      "npm:@huggingface/tokenizers",
    ],
  },
  { folder: "gpu-function/diffusion/", allowed: [] },
  { folder: "gpu-function/insights/", allowed: ["gpu-function/diffusion/"] },
  { folder: "gpu-function/text/", allowed: ["contract/"] },
  {
    folder: "gpu-function/onnx/session.ts",
    allowed: ["contract/", "gpu-function/", "node:", "npm:onnxruntime-node"],
  },
  {
    folder: "gpu-function/",
    allowed: [
      "contract/",
      "node:",
      "npm:d3-scale-chromatic",
      "npm:hono",
      "npm:sharp",
      "npm:prom-client",
      "npm:valibot",
    ],
  },
  {
    folder: "edge/",
    allowed: [
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
  {
    folder: "db/",
    allowed: ["contract/", "node:", "npm:drizzle-orm", "npm:drizzle-kit", "npm:@libsql/client"],
  },
  { folder: "client/", allowed: ["contract/"] },
  {
    folder: "web/",
    allowed: ["client/", "contract/", "npm:d3-scale-chromatic", "npm:preact", "npm:vite"],
  },
];

/** Tests may use these everywhere, and fixtures of the contract. */
const ALLOWED_IN_TESTS = [
  "node:",
  "npm:fast-check",
  "contract/",
  "npm:hono",
  "npm:wrangler",
  "npm:miniflare",
];

export function boundaryViolations(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to }) => {
    const rule = RULES
      .filter(({ folder }) => from.startsWith(folder))
      .sort((a, b) => b.folder.length - a.folder.length)[0];
    if (!rule) return [];
    const own = rule.folder.endsWith(".ts") ? from : rule.folder;
    const allowed = [own, ...rule.allowed, ...(isTest(from) ? ALLOWED_IN_TESTS : [])];
    // A trailing slash or colon means a prefix; a bare package has to match whole.
    const fits = allowed.some((a) => (/[/:]$/.test(a) ? to.startsWith(a) : to === a));
    return fits ? [] : [
      `${from} imports ${to}; ${rule.folder} may import ${rule.allowed.join(", ") || "nothing"}`,
    ];
  });
}

export async function checkBoundaries(): Promise<string[]> {
  const files = (await sourceFiles()).filter((path) =>
    RULES.some(({ folder }) => path.startsWith(folder))
  );
  return [...new Set(boundaryViolations(await moduleGraph(files)))];
}

if (import.meta.main) {
  const violations = await checkBoundaries();
  for (const violation of violations) console.error(violation);
  Deno.exit(violations.length > 0 ? 1 : 0);
}
