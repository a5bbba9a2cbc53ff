import assert from "node:assert/strict";
import { testOnDatabases } from "./fixtures/databases.ts";
import { createRoomMemories } from "./room_memory_queries.ts";

testOnDatabases("Room memories", {
  "are what a room saved last, until it clears, and nothing of other rooms": async (database) => {
    const generations = createRoomMemories(database, "generation");
    const sweeps = createRoomMemories(database, "sweep");
    await generations.save("a", "submission", { seed: 1 });
    await generations.save("a", "submission", { seed: 2 });
    await generations.save("b", "submission", { seed: 3 });
    await sweeps.save("a", "progress", [1]);
    await sweeps.save("a", "submission", "s");
    assert.deepEqual(await generations.load("a", "submission"), { seed: 2 });
    assert.equal(await generations.load("a", "progress"), null);
    assert.deepEqual([...await generations.ids()].sort(), ["a", "b"]);
    await generations.clear("a");
    assert.deepEqual(await generations.ids(), ["b"]);
    assert.equal(await generations.load("a", "submission"), null);
    assert.deepEqual([await sweeps.ids(), await sweeps.load("a", "progress")], [["a"], [1]]);
  },
});
