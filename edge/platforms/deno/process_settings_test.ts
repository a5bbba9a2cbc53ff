import assert from "node:assert/strict";
import { readProcessSettings } from "./process_settings.ts";

Deno.test("A process has its address, its port and its times, and refuses wrong ones by name", () => {
  assert.deepEqual(readProcessSettings({}), {
    host: "127.0.0.1",
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

Deno.test("A process listens on an address, and on no name", () => {
  for (const HOST of ["0.0.0.0", "::", "10.1.2.3"]) {
    assert.equal(readProcessSettings({ HOST }).host, HOST);
  }
  for (const HOST of ["localhost", "my-machine", "127.0.0.1:80", "[::]", "1.2.3"]) {
    const message = "HOST must be an IP address, such as 127.0.0.1, 0.0.0.0 or ::, " +
      `given "${HOST}"`;
    assert.throws(() => readProcessSettings({ HOST }), { message });
  }
});
