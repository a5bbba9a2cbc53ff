// Broken here: a store that is full loses images on their way, or the edge says that all is well.
import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import { openLibsqlDatabase } from "../../edge/platforms/deno/libsql_database.ts";
import { startInProcess } from "../support/edges.ts";
import { withGround } from "../support/ground.ts";
import { ConformanceClient } from "../support/conformance_client.ts";
import { assertEnds, UNLIMITED } from "./stage.ts";

Deno.test("A store that is full costs no image, and /health says so until it takes one again", async () => {
  await withGround(async (ground, gpu) => {
    const { database, close } = await openLibsqlDatabase(`file:${ground.dataDir}/full.sqlite`);
    const edge = await startInProcess({ ...ground, database, environment: UNLIMITED });
    const client = new ConformanceClient(edge, gpu, 1);
    const status = async () => (await (await client.request("/health")).json()).database.status;
    const draw = async () => {
      const request = client.fresh();
      gpu.script(request.seed, { imageBytes: 300_000 });
      assertEnds(await client.stream(request));
      await edge.settled();
      return await status();
    };
    try {
      assert.equal(await draw(), "READY");
      // As SQLite says it where the disk is full: reads go on, writes do not.
      await database.run(sql`CREATE TRIGGER full BEFORE INSERT ON generations
        BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`);
      for (let i = 0; i < 3; i++) assert.equal(await draw(), "READ_ONLY");
      await database.run(sql`DROP TRIGGER full`);
      assert.equal(await draw(), "READY");
    } finally {
      await edge.stop();
      close();
    }
  });
});
