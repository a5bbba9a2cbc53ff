/** A run with a limit must not overwrite the report that is in git. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../../checkout.ts";
import { parseQualityFlags } from "./quality_flags.ts";

Deno.test("parseQualityFlags() fills in the model's folders", () => {
  assert.deepEqual(parseQualityFlags(["--model", "tiny", "--seeds", "2", "--threads", "1"]), {
    model: "tiny",
    seeds: 2,
    threads: 1,
    limit: null,
    out: join(ROOT, "docs/lab/tiny"),
    scorers: join(ROOT, "scripts/lab/scorers/tiny"),
    references: join(ROOT, "scripts/lab/references/tiny"),
  });
  assert.equal(parseQualityFlags(["--help"]), null);
});

Deno.test("a limited run has another folder, unless one is given", () => {
  assert.equal(parseQualityFlags(["--limit", "3"])?.out, join(ROOT, ".data/lab/mini-limited"));
  assert.equal(parseQualityFlags(["--limit", "3", "--out", "/x"])?.out, "/x");
  assert.throws(() => parseQualityFlags(["--limit", "0"]), { name: "UsageError" });
  assert.throws(() => parseQualityFlags(["--seeds", "65"]), { name: "UsageError" });
});
