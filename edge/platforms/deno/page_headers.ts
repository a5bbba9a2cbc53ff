/** The page's header fields on Deno, from the file that Cloudflare's static assets read. */

/**
 * @param dist the built page. Returns no fields where it lacks that file, as a folder of models
 * does.
 */
export async function readPageHeaders(dist: string): Promise<Readonly<Record<string, string>>> {
  try {
    return parsePageHeaders(await Deno.readTextFile(`${dist}/_headers`));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return {};
    throw cause;
  }
}

/** Reads the one block, which applies to all paths. */
export function parsePageHeaders(text: string): Readonly<Record<string, string>> {
  const [path, ...lines] = text.trim().split("\n");
  if (path?.trim() !== "/*") throw new Error(`_headers must begin with /*, given ${path}`);
  return Object.fromEntries(lines.map((line) => {
    const [, name, value] = /^ +([\w-]+): (.+)$/.exec(line) ?? [];
    if (!name || !value) throw new Error(`_headers must have indented fields, given ${line}`);
    return [name.toLowerCase(), value.trim()];
  }));
}
