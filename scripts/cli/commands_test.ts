// If this breaks, a task answers a wrong flag with a stack, with silence, or with unwanted work.
import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { ROOT } from "../checkout.ts";

// `db:generate` is drizzle's own command, and `ok` would run this test.
const { "db:generate": _drizzles, ok: _ok, ...tasks } = config.tasks;
const MISUSED = 2;

async function runTask(command: string, flag: string) {
  const [, ...args] = command.split(" ");
  const output = await new Deno.Command(Deno.execPath(), {
    args: [...args, flag],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const [out, err] = [output.stdout, output.stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code: output.code, text: `${out}${err}`.trim() };
}

for (const [name, { command }] of Object.entries(tasks)) {
  Deno.test(`deno task ${name} explains itself, and refuses a wrong flag without a stack`, async () => {
    const help = await runTask(command, "--help");
    assert.equal(help.code, 0, help.text);
    assert.match(help.text, new RegExp(`deno task ${name.replace(/:.*/, "")}`));
    const wrong = await runTask(command, "--nope");
    assert.equal(wrong.code, MISUSED, wrong.text);
    assert.notEqual(wrong.text, "");
    assert.doesNotMatch(wrong.text, /^ +at /m);
  });
}
