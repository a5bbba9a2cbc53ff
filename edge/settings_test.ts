import assert from "node:assert/strict";
import { readSettings } from "./settings.ts";

Deno.test("GPU functions are one URL or several, without trailing slashes", () => {
  const { gpuUrls } = readSettings({ GPU_URL: " http://a:1/ , https://b/x/ ", DB: {} });
  assert.deepEqual(gpuUrls, ["http://a:1", "https://b/x"]);
  assert.equal(readSettings({}).gpuUrls.length, 1);
});

Deno.test("A wrong setting is refused by name, with what it allows", () => {
  for (const given of ["ftp://a", "nowhere", ","]) {
    const message = `GPU_URL must be http or https URLs with commas between them, given ${
      JSON.stringify(given)
    }`;
    assert.throws(() => readSettings({ GPU_URL: given }), { message });
  }
  for (const given of ["0", "61", "1.5"]) {
    const message = `DATABASE_SECONDS must be an integer from 1 to 60, given "${given}"`;
    assert.throws(() => readSettings({ DATABASE_SECONDS: given }), { message });
  }
});
