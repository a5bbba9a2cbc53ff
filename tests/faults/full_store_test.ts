// Broken here: a store that is full loses images on their way, or the edge says that all is well.
import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import { openSqliteDatabase } from "../../db/sqlite/sqlite_database.ts";
import { startInProcess } from "../support/edges.ts";
import { withGround } from "../support/ground.ts";
import { ConformanceClient } from "../support/conformance_client.ts";
import { databaseStatus } from "./fault_client.ts";
import { assertEnds, UNLIMITED } from "./stage.ts";

Deno.test("A store that is full costs no image, and /health says so until it takes one again", async () => {
  await withGround(async (ground, gpu) => {
    const { database, close } = await openSqliteDatabase(`file:${ground.dataDir}/full.sqlite`);
    const edge = await startInProcess({ ...ground, database, environment: UNLIMITED });
    const client = new ConformanceClient(edge, gpu, 1);
    const draw = async () => {
      const request = client.fresh();
      gpu.script(request.seed, { imageBytes: 300_000 });
      assertEnds(await client.stream(request));
      await edge.settled();
    };
    /** The answer of a moment ago still holds. */
    const becomes = async (status: string) => {
      for (let attempt = 0; attempt < 60 && await databaseStatus(client) !== status; attempt++) {
        await new Promise((done) => setTimeout(done, 50));
      }
      assert.equal(await databaseStatus(client), status);
    };
    try {
      await draw();
      await becomes("READY");
      // As SQLite says it where the disk is full: reads go on, writes do not.
      await database.run(sql`CREATE TRIGGER full BEFORE INSERT ON generations
        BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`);
      for (let i = 0; i < 3; i++) {
        await draw();
        await becomes("READ_ONLY");
      }
      await database.run(sql`DROP TRIGGER full`);
      await draw();
      await becomes("READY");
    } finally {
      await edge.stop();
      close();
    }
  });
});
