// If this breaks, a stored picture comes in pieces that do not fit together, or too large.
import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import { LIMITS } from "../contract/mod.ts";
import { testOnDatabases } from "./fixtures/databases.ts";
import { finished, wholeLog, withInsights } from "./fixtures/stored.ts";
import { createResults } from "./result_queries.ts";
import { LOCAL_SLICES, PREFETCHED_BYTES, REMOTE_SLICES } from "./result_replay.ts";

const SLICE_BYTES = REMOTE_SLICES.bytes;

const SIZES: readonly number[] = [
  1,
  PREFETCHED_BYTES,
  PREFETCHED_BYTES + 1,
  SLICE_BYTES,
  SLICE_BYTES + 1,
  3 * SLICE_BYTES - 1,
  LIMITS.storedRowBytes + SLICE_BYTES + 1,
];

testOnDatabases("Replays", {
  "gives an image of any size in slices, all of it": async (database) => {
    const results = createResults(database);
    for (const imageBytes of SIZES) {
      const result = finished(`image of ${imageBytes}`, { imageBytes });
      await results.write(result);
      const replay = await results.replay(result.plan.id);
      assert.deepEqual(await wholeLog(replay), result.events);
      const image = replay?.events.find(({ event }) => event.type === "generation.image");
      assert(replay && image);
      const lengths = (await Array.fromAsync(replay.picture(image))).map(({ length }) => length);
      assert(Math.max(...lengths) <= SLICE_BYTES, lengths.join());
      assert.equal(replay.pictureBytes, imageBytes + 50);
      const local = await createResults(database, { slicing: LOCAL_SLICES }).replay(result.plan.id);
      assert.deepEqual(await wholeLog(local), result.events);
    }
  },
  "gives previews of any size in slices, each under its own event": async (database) => {
    const results = createResults(database);
    for (const previewBytes of SIZES.slice(0, -1)) {
      const result = finished(`previews of ${previewBytes}`, { previews: 4, previewBytes });
      await results.write(result);
      const replay = await results.replay(result.plan.id);
      assert.deepEqual(await wholeLog(replay), result.events);
      assert.equal(replay?.pictureBytes, 500 + 4 * previewBytes);
    }
  },
  "breaks off where a picture leaves or changes between two slices": async (database) => {
    const results = createResults(database);
    const size = 2 * SLICE_BYTES;
    const options = { previews: 2, previewBytes: size, imageBytes: size };
    const changes: readonly [type: string, change: (id: string) => ReturnType<typeof sql>][] = [
      ["generation.preview", (id) => sql`DELETE FROM previews WHERE generation_id = ${id}`],
      [
        "generation.preview",
        (id) => sql`UPDATE previews SET step = step + 10 WHERE generation_id = ${id}`,
      ],
      [
        "generation.preview",
        (id) => sql`UPDATE previews SET bytes = substr(bytes, 2) WHERE generation_id = ${id}`,
      ],
      ["generation.image", (id) => sql`DELETE FROM images WHERE generation_id = ${id}`],
      [
        "generation.image",
        (id) => sql`UPDATE images SET sha256 = 'other' WHERE generation_id = ${id}`,
      ],
    ];
    for (const [place, [type, change]] of changes.entries()) {
      const result = finished(`torn ${place}`, options);
      await results.write(result);
      const replay = await results.replay(result.plan.id);
      const picture = replay?.events.find(({ event }) => event.type === type);
      assert(replay && picture);
      const slices = replay.picture(picture)[Symbol.asyncIterator]();
      assert.equal((await slices.next()).value?.length, SLICE_BYTES);
      await database.run(change(result.plan.id));
      await assert.rejects(async () => await slices.next(), /left the database while it was read/);
    }
  },
  "goes on through a result that is replaced by one that shows more": async (database) => {
    const results = createResults(database);
    const first = finished("replaced", { imageBytes: 2 * SLICE_BYTES });
    await results.write(first);
    const replay = await results.replay(first.plan.id);
    await results.write(withInsights(first));
    const image = replay?.events.find(({ event }) => event.type === "generation.image");
    assert(replay && image);
    const lengths = (await Array.fromAsync(replay.picture(image))).map(({ length }) => length);
    assert.deepEqual(lengths, [SLICE_BYTES, SLICE_BYTES]);
  },
});
