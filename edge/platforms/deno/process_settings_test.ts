import assert from "node:assert/strict";
import { readProcessSettings } from "./process_settings.ts";

Deno.test("A process has its port and its times, and refuses wrong ones by name", () => {
  assert.deepEqual(readProcessSettings({}), {
    port: 8_787,
    scheduleMs: 60_000,
    shutdownMs: 10_000,
  });
  assert.equal(readProcessSettings({ SCHEDULE_SECONDS: "5" }).scheduleMs, 5_000);
  const wrong = [
    ["PORT", "65536", "from 0 to 65535"],
    ["SCHEDULE_SECONDS", "0", "from 1 to 3600"],
    ["SHUTDOWN_SECONDS", "1.5", "from 0 to 3600"],
  ] as const;
  for (const [name, given, range] of wrong) {
    const message = `${name} must be an integer ${range}, given "${given}"`;
    assert.throws(() => readProcessSettings({ [name]: given }), { message });
  }
});
