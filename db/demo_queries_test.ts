// Demos keep their order and are shown with the results that they have.
import assert from "node:assert/strict";
import { createDemos } from "./demo_queries.ts";
import { testOnDatabases } from "./fixtures/databases.ts";
import { finished } from "./fixtures/stored.ts";
import { createResults } from "./result_queries.ts";

const demoOf = (slug: string) => {
  const { request, plan } = finished(slug);
  return { slug, title: `Demo ${slug}`, request, generation_id: plan.id };
};

testOnDatabases("Demos", {
  "are listed in the order of their coming, with their results": async (database) => {
    const demos = createDemos(database);
    for (const slug of ["late", "early"]) await demos.put(demoOf(slug), 1);
    await createResults(database).write(finished("early", { imageBytes: 321 }));
    const [late, early] = await demos.list();
    assert.deepEqual(late, { ...demoOf("late"), result: null });
    assert.deepEqual(early?.result?.plan, finished("early").plan);
    assert.equal(early.result.image.bytes, 321);
  },
  "keep their place when they are put again, and go when they are removed": async (database) => {
    const demos = createDemos(database);
    await demos.put({ ...demoOf("late"), title: "Changed" }, 2);
    assert.deepEqual((await demos.list()).map(({ title }) => title), ["Changed", "Demo early"]);
    assert.deepEqual([await demos.remove("late"), await demos.remove("late")], [true, false]);
    assert.deepEqual((await demos.list()).map(({ slug }) => slug), ["early"]);
    assert.equal(await createResults(database).has(finished("early").plan.id), true);
  },
  "show no result that has an owner": async (database) => {
    const demos = createDemos(database);
    const secret = finished("secret");
    const request = { ...secret.request, private: true, owner: "key_1" };
    await createResults(database).write({ ...secret, request });
    await demos.put(demoOf("secret"), 3);
    assert.equal((await demos.list()).at(-1)?.result, null);
  },
});
