import assert from "node:assert/strict";
import { readPolicySettings } from "./policy_settings.ts";

Deno.test("a blocklist is lines, or entries with commas between them, without remarks", () => {
  const BLOCKLIST = "# ours\r\nweasel , sly fox\n\n  otter*,\n# , stoat\n";
  assert.deepEqual(readPolicySettings({ BLOCKLIST }), {
    blocklist: ["weasel", "sly fox", "otter*"],
    leet: true,
    withholdsFlagged: false,
  });
  assert.equal(readPolicySettings({ BLOCKLIST_LEET: "off" }).leet, false);
});

Deno.test("an entry that nothing could match is refused by name", () => {
  for (const given of ["*", "weasel, ?!", "w".repeat(101)]) {
    assert.throws(
      () => readPolicySettings({ BLOCKLIST: given }),
      /^Error: BLOCKLIST must be words/,
    );
  }
  const many = Array.from({ length: 20_001 }, (_, i) => `w${i}`).join();
  assert.throws(
    () => readPolicySettings({ BLOCKLIST: many }),
    /BLOCKLIST must be at most 20000 entries, given "20001"/,
  );
  assert.throws(
    () => readPolicySettings({ BLOCKLIST_LEET: "yes" }),
    { message: 'BLOCKLIST_LEET must be "on" or "off", given "yes"' },
  );
});

Deno.test("the list of a process is read once, and another one anew", () => {
  const first = readPolicySettings({ BLOCKLIST: "weasel" });
  assert.equal(readPolicySettings({ BLOCKLIST: "weasel" }), first);
  assert.deepEqual(readPolicySettings({ BLOCKLIST: "stoat" }).blocklist, ["stoat"]);
});

Deno.test("a file is refused where nobody has read it", () => {
  const message = "BLOCKLIST_FILE must be absent where there are no files, use BLOCKLIST, " +
    'given "list.txt"';
  assert.throws(() => readPolicySettings({ BLOCKLIST_FILE: "list.txt" }), { message });
});

Deno.test("flagged images are withheld where the operator refuses them, and nowhere else", () => {
  const withholds = (GPU_SAFETY?: string) => readPolicySettings({ GPU_SAFETY }).withholdsFlagged;
  assert.deepEqual([undefined, "report", "off", "refuse"].map(withholds), [
    false,
    false,
    false,
    true,
  ]);
  const message = 'GPU_SAFETY must be report, refuse or off, given "yes"';
  assert.throws(() => withholds("yes"), { message });
});
