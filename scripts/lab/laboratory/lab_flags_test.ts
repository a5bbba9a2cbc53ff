/** A flag that is misread measures something else than what was asked for. */
import assert from "node:assert/strict";
import { UsageError } from "../../command_line/command_line.ts";
import { integerFlag, parseLabFlags } from "./lab_flags.ts";

Deno.test("parseLabFlags() gives strings, and null for help", () => {
  assert.deepEqual({ ...parseLabFlags(["--model", "mini"], ["model"]) }, { model: "mini" });
  assert.equal(parseLabFlags(["--help"], ["model"]), null);
  assert.equal(parseLabFlags(["-h"], []), null);
});

for (const args of [["--sedes", "3"], ["--seeds"], ["mini"]]) {
  Deno.test(`parseLabFlags() refuses ${JSON.stringify(args)} in one sentence`, () => {
    assert.throws(
      () => parseLabFlags(args, ["seeds"]),
      (error) => error instanceof UsageError && !error.message.includes("\n"),
    );
  });
}

Deno.test("integerFlag() says what is allowed and what was given", () => {
  const range = { standard: 4, min: 1, max: 64 };
  assert.equal(integerFlag("seeds", undefined, range), 4);
  assert.equal(integerFlag("seeds", "64", range), 64);
  for (const given of ["0", "65", "1.5", "", "x"]) {
    assert.throws(() => integerFlag("seeds", given, range), {
      name: "UsageError",
      message: `--seeds must be an integer from 1 to 64, given ${JSON.stringify(given)}`,
    });
  }
});
