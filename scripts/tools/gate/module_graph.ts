/** Finds who imports whom, as Deno resolves it. */
import { ROOT } from "../../checkout.ts";

interface ModuleInfo {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

export interface Import {
  readonly from: string;
  /** Path relative to the root, or a bare specifier such as `npm:hono` or `node:path`. */
  readonly to: string;
}

/** Returns all imports of the given files and of what they import, except inside packages. */
export async function moduleGraph(files: readonly string[]): Promise<Import[]> {
  const entry = await Deno.makeTempFile({ dir: ROOT, prefix: ".graph_", suffix: ".ts" });
  try {
    await Deno.writeTextFile(entry, files.map((file) => `import "./${file}";\n`).join(""));
    const { modules } = JSON.parse(await denoInfo(entry)) as { modules: readonly ModuleInfo[] };
    return modules.filter(({ specifier }) => specifier !== `file://${entry}`).flatMap(importsOf);
  } finally {
    await Deno.remove(entry);
  }
}

async function denoInfo(entry: string): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args: ["info", "--json", entry], cwd: ROOT });
  const { stdout, stderr, success } = await command.output();
  if (!success) throw new Error(`deno info failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

function importsOf(module: ModuleInfo): Import[] {
  const from = relative(module.specifier);
  if (from === null) return [];
  if (module.error) throw new Error(`${from}: ${module.error}`);
  return (module.dependencies ?? []).map(({ specifier, code, type }) => ({
    from,
    to: relative(code?.specifier ?? type?.specifier ?? "") ?? bare(specifier),
  }));
}

function relative(specifier: string): string | null {
  const root = `file://${ROOT}`;
  const path = specifier.startsWith(root) ? specifier.slice(root.length) : null;
  return path === null || path.startsWith("node_modules/") ? null : path;
}

/** `hono/http-exception` and `npm:hono@4` are both `npm:hono`. */
function bare(specifier: string): string {
  if (specifier.startsWith("node:") || specifier.startsWith("cloudflare:")) return specifier;
  const name = specifier.replace(/^npm:/, "");
  const parts = name.split("/").slice(0, name.startsWith("@") ? 2 : 1).join("/");
  return `npm:${parts.replace(/(?<=.)@.*$/, "")}`;
}
