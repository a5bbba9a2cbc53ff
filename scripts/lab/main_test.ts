/** A mistyped experiment must end with one sentence, not with an hour of other work. */
import assert from "node:assert/strict";
import { ROOT } from "../checkout.ts";

async function lab(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "scripts/lab/main.ts", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

const FAULTS: readonly (readonly [readonly string[], RegExp])[] = [
  [["qualty"], /^The experiment must be one of .*quality.*, given "qualty"; see --help$/],
  [[], /^The experiment must be one of .*, given none; see --help$/],
  [["quality", "--seeds", "none"], /^--seeds must be an integer from 1 to 64, given "none"$/],
  [["all", "--count", "none"], /^--count must be an integer from 2 to 10000, given "none"$/],
  [
    ["eos-swap", "--provider", "tpu"],
    /^--provider must be one that this machine has, given tpu \(.+\)$/,
  ],
  [["latency", "--model", "nobody"], /^--model must be one of .+, given nobody$/],
];

for (const [args, sentence] of FAULTS) {
  Deno.test(`lab ${args.join(" ")} is answered by one sentence and 2`, async () => {
    const { code, stderr } = await lab(...args);
    assert.match(stderr, sentence);
    assert.equal(code, 2);
  });
}

for (
  const args of [
    ["--help"],
    ["all", "--help"],
    ["quality", "--help"],
    ["latency", "-h"],
    ["eos-swap", "--help"],
  ]
) {
  Deno.test(`lab ${args.join(" ")} explains itself`, async () => {
    const { code, stdout } = await lab(...args);
    assert.match(stdout, /^Usage: deno task lab /);
    assert.equal(code, 0);
  });
}
