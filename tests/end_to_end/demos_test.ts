// If this breaks, demos that were added are not pinned, or cost the GPU function again.
import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import { openSqliteDatabase } from "../../db/sqlite/sqlite_database.ts";
import { readFrames } from "../support/conformance_client.ts";
import { startDeno } from "../support/edges.ts";
import type { GpuDouble } from "../support/gpu_double.ts";
import { withClient } from "../support/ground.ts";
import { runDemos } from "../../scripts/cli/demos.ts";

const ADD = ["--model", "fixture", "--title", "A blue bird", "--cutoff", "0.5"];

interface Stage {
  readonly run: (...args: string[]) => Promise<string[]>;
  readonly get: (path: string) => Promise<Response>;
  readonly gpu: GpuDouble;
  readonly file: string;
}

async function withDemos(test: (stage: Stage) => Promise<void>) {
  await withClient(startDeno, async ({ gpu }, edge, { dataDir }) => {
    const file = `${dataDir}/shapefirst.sqlite`;
    const run = async (...args: string[]) => {
      const said: string[] = [];
      await runDemos([...args, "--database", file, "--url", edge.url ?? ""], {
        say: (line) => void said.push(line),
        now: () => 1,
        environment: () => undefined,
        fetch: (url, init) => fetch(url, init),
      });
      return said;
    };
    await test({ run, get: (path) => edge.request(path), gpu, file });
  });
}

Deno.test("A demo is drawn once, listed and served without the GPU function, warmed again", async () => {
  await withDemos(async ({ run, get, gpu, file }) => {
    await run("add", "bird", "a blue bird", ...ADD, "--seed", "4");
    await run("add", "again", "a blue bird", ...ADD, "--seed", "4");
    assert.equal(gpu.started, 1);
    assert.match((await run("list")).join("\n"), /^bird .* stored {2}A blue bird\nagain .* stored/);
    await run("remove", "again");
    const { port } = new URL(gpu.url);
    await gpu.close();
    const { demos: [demo, ...others] } = await (await get("/v1/demos")).json();
    assert.equal(others.length, 0);
    assert.deepEqual([demo.slug, demo.title, demo.plan.seed], ["bird", "A blue bird", 4]);
    assert.deepEqual(demo.plan.evaluations, { planned: 30, full: 40, saved: 0.25 });
    const image = await get(demo.image.url);
    assert.equal((await image.bytes()).length, demo.image.bytes);
    const frames = await readFrames(await get(`${demo.links.events}?pace=live`));
    assert.equal(frames.at(-1)?.event.type, "generation.completed");
    gpu.listen(Number(port));

    const { database, close } = await openSqliteDatabase(file);
    for (const table of ["previews", "images", "generations"]) {
      await database.run(sql`DELETE FROM ${sql.identifier(table)}`);
    }
    close();
    assert.match((await run("list")).join(), /to be warmed/);
    assert.match((await run("warm")).join(), /^bird/);
    assert.deepEqual(await run("warm"), ["All demos are stored"]);
    assert.match((await run("list")).join(), / stored /);
  });
});
