// onnxruntime-node writes a device id and a database into the user's cache, and reports to its vendor, unless a variable forbids it.
import assert from "node:assert/strict";
import { join } from "node:path";

Deno.test("onnxruntime leaves nothing in the user's folders", async () => {
  const home = await Deno.makeTempDir();
  try {
    const { stdout, success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", join(import.meta.dirname!, "../fixtures/probe_once.ts")],
      env: { ...kept("PATH", "DENO_DIR"), HOME: home, XDG_CACHE_HOME: join(home, "cache") },
      clearEnv: true,
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    assert.equal(new TextDecoder().decode(stdout), "null\n");
    const written = await filesBelow(home);
    assert.deepEqual(written.filter((path) => !path.includes("/deno/")), []);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

function kept(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    found.push(...isDirectory ? await filesBelow(path) : [path]);
  }
  return found;
}
