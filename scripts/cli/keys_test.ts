// If this breaks, keys that were created do not work, or the command reveals a secret.
import assert from "node:assert/strict";
import { createKeys } from "../../db/key_queries.ts";
import { openSqliteDatabase } from "../../db/sqlite/sqlite_database.ts";
import { parseApiKey, provesSecret } from "../../edge/callers/api_key.ts";
import { runKeys } from "./keys.ts";
import { inlineParameters } from "../service/local_d1.ts";

async function withKeys(
  test: (run: (...args: string[]) => Promise<string[]>, file: string) => Promise<void>,
) {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/keys.sqlite`;
  const run = async (...args: string[]) => {
    const said: string[] = [];
    const world = {
      say: (line: string) => void said.push(line),
      now: () => Date.UTC(2026, 10, 25),
      environment: () => undefined,
    };
    await runKeys([...args, "--database", file], world);
    return said;
  };
  try {
    await test(run, file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("A key is shown once, and stored as what proves it alone", async () => {
  await withKeys(async (run, file) => {
    const [text = ""] = await run("create", "--name", "it's a name", "--limits", "requests=5");
    const key = parseApiKey(text);
    assert(key);
    const { database, close } = await openSqliteDatabase(file);
    const stored = await createKeys(database).find(key.id);
    close();
    assert(stored);
    assert.deepEqual(stored.limits, { requests_per_minute: 5 });
    assert(await provesSecret(stored, key.secret));
    const listed = (await run("list")).join();
    assert(listed.includes(`${key.id}  created 2026-11-25  in use  it's a name`), listed);
    for (const secret of [key.secret, stored.salt, stored.hash]) assert(!listed.includes(secret));
    assert(!(await Deno.readTextFile(file).catch(() => "")).includes(key.secret));
    assert.match((await run("revoke", key.id)).join(), /is revoked/);
    assert.match((await run("list")).join(), /revoked 2026-11-25/);
  });
});

Deno.test("What was typed wrong is told, and a secret among it is not repeated", async () => {
  await withKeys(async (run) => {
    for (
      const [args, message] of [
        [[], /^Give one of create, list, revoke, given none; see --help$/],
        [["create"], /^--name must be 1 to 80 characters/],
        [["create", "--name", "a", "--limits", "7"], /^--limits must be any of requests=N/],
        [["list", "all"], /^There is no place for "all"$/],
        [["revoke", "key_0123456789abcdef"], /^There is no key key_0123456789abcdef$/],
        [["revoke", `sf_${"a".repeat(16)}_secret`], /given a whole key$/],
      ] as const
    ) await assert.rejects(run(...args), { name: "UsageError", message });
  });
});

Deno.test("For a database elsewhere the statement is printed, values and all", async () => {
  await withKeys(async (run) => {
    const [sql = "", text = ""] = await run("create", "--name", "it's", "--remote");
    const key = parseApiKey(text);
    assert(key);
    assert.match(sql, /^insert into "api_keys" .*'it''s'.*, null\);$/);
    assert(sql.includes(`'${key.id}'`) && !sql.includes(key.secret));
    assert.deepEqual(await run("list"), ["There is no key yet"]);
  });
});

Deno.test("Values go into a statement as literals, whatever is in them", () => {
  assert.equal(inlineParameters("a = ? and b = ?", ["?'; --", 7]), "a = '?''; --' and b = 7");
  assert.throws(() => inlineParameters("a = ?", [1, 2]), RangeError);
});
