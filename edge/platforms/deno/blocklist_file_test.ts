import assert from "node:assert/strict";
import { readPolicySettings } from "../../policy/policy_settings.ts";
import { withBlocklistFile } from "./blocklist_file.ts";

Deno.test("the file's lines join those of the variable", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "# ours\nsly fox\n");
    const environment = await withBlocklistFile({ BLOCKLIST: "weasel", BLOCKLIST_FILE: file });
    assert.deepEqual(readPolicySettings(environment).blocklist, ["weasel", "sly fox"]);
    const alone = await withBlocklistFile({ BLOCKLIST_FILE: file });
    assert.deepEqual(readPolicySettings(alone).blocklist, ["sly fox"]);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a file that is not there is refused by name", async () => {
  await assert.rejects(withBlocklistFile({ BLOCKLIST_FILE: "nowhere.txt" }), {
    message: 'BLOCKLIST_FILE must be a file that can be read, given "nowhere.txt"',
  });
});
