// A server that speaks Replicate's documented API stands in for it; the client is Replicate's own.
import assert from "node:assert/strict";
import { EVENTS, PLAN } from "../../../contract/fixtures/events.ts";
import {
  type GenerationEvent,
  type NumberedEvent,
  parseGenerationRequest,
  ProblemError,
} from "../../../contract/mod.ts";
import type { Submission } from "../gpu_backend.ts";
import {
  REPLICATE_TOKEN,
  ReplicateDouble,
  type ReplicateScript,
} from "./fixtures/replicate_double.ts";
import { REPLICATE_DEFAULTS, ReplicateBackend, type ReplicateOptions } from "./replicate.ts";
import { ReplicateClient } from "./replicate_client.ts";
import type { ReplicateSettings, ReplicateTarget } from "./replicate_settings.ts";

/** queued, planned, step 0, preview 0, cutoff 1, image, completed. */
const RUN = EVENTS.slice(0, 7);
const VERSION = "e".repeat(64);

const parsed = parseGenerationRequest({ prompt: "a bird", seed: 1 });
assert(parsed.ok);
const { value: request } = parsed;

interface Stage {
  readonly double: ReplicateDouble;
  readonly backend: ReplicateBackend;
  readonly clock: { now: number };
  /** The run's places, as the room remembers them. */
  readonly places: string[];
  readonly submission: Submission;
}

async function withReplicate(
  script: ReplicateScript,
  test: (stage: Stage) => Promise<void>,
  { options = {}, settings = {}, draw = () => RUN }: {
    options?: Partial<ReplicateOptions>;
    settings?: Partial<ReplicateSettings>;
    draw?: () => readonly GenerationEvent[];
  } = {},
): Promise<void> {
  const double = new ReplicateDouble(draw).listen();
  double.script = script;
  const clock = { now: 0 };
  const all: ReplicateSettings = {
    token: REPLICATE_TOKEN,
    target: { version: VERSION },
    baseUrl: double.url,
    webhook: null,
    ...settings,
  };
  const backend = new ReplicateBackend(
    new ReplicateClient(all, 1_000),
    { ...REPLICATE_DEFAULTS, pollMs: 1, looksMax: 3, ...options },
    () => clock.now,
  );
  const places: string[] = [];
  const onPlace = (place: string) => Promise.resolve(void places.push(place));
  try {
    await test({ double, backend, clock, places, submission: { id: PLAN.id, request, onPlace } });
  } finally {
    await double.close();
  }
}

async function follow(events: AsyncGenerator<NumberedEvent>) {
  const ids: number[] = [];
  const last: { event: NumberedEvent["event"] | null } = { event: null };
  try {
    for await (const { id, event } of events) {
      ids.push(id);
      last.event = event;
    }
    return { ids, last: last.event, problem: null };
  } catch (cause) {
    assert(cause instanceof ProblemError, String(cause));
    return { ids, last: last.event, problem: cause.problem };
  }
}

async function collect({ backend, submission }: Stage) {
  const submitted = await backend.submit(submission, -1);
  assert(submitted.ok, submitted.ok ? "" : submitted.problem.detail);
  return await follow(submitted.value);
}

const ALL = [0, 1, 2, 3, 4, 5, 6];

Deno.test("A run on Replicate gives the model's events, under the key and not under names there", async () => {
  await withReplicate({}, async (stage) => {
    const submitted = await stage.backend.submit(stage.submission, -1);
    assert(submitted.ok);
    const events = await Array.fromAsync(submitted.value);
    assert.deepEqual(events, RUN.map((event, id) => ({ id, event })));
    assert.deepEqual(stage.places, stage.double.ids);
    const [created] = stage.double.created;
    assert.deepEqual(created, {
      path: "/v1/predictions",
      body: { version: VERSION, input: JSON.parse(JSON.stringify(request)), stream: true },
    });
  });
});

Deno.test("A model, a version and a deployment are asked where each of them is", async () => {
  const targets: [ReplicateTarget, string][] = [
    [{ model: "owner/name" }, "/v1/models/owner/name/predictions"],
    [{ deployment: "owner/name" }, "/v1/deployments/owner/name/predictions"],
  ];
  for (const [target, path] of targets) {
    await withReplicate({}, async (stage) => {
      assert.deepEqual((await collect(stage)).ids, ALL);
      assert.deepEqual(stage.double.created.map((one) => one.path), [path]);
    }, { settings: { target } });
  }
});

const LOSSES: readonly [what: string, script: ReplicateScript, cursors: (string | null)[]][] = [
  ["a stream that breaks", { breakAfter: 3, pauseAfter: 3 }, [null, "1690212292:3"]],
  ["one that starts over", { breakAfter: 3, pauseAfter: 3, forgetful: true }, [
    null,
    "1690212292:3",
  ]],
  ["a stream that is gone", { stream: "gone" }, []],
  ["a model without a stream", { stream: "none" }, []],
];
for (const [what, script, cursors] of LOSSES) {
  Deno.test(`Each event comes once over ${what}`, async () => {
    await withReplicate(script, async (stage) => {
      const submitted = await stage.backend.submit(stage.submission, -1);
      assert(submitted.ok);
      const ids: number[] = [];
      for await (const { id } of submitted.value) {
        ids.push(id);
        // Only now is there more than the first connection brought.
        if (id === 3) setTimeout(() => stage.double.release(stage.places[0] ?? ""), 20);
      }
      assert.deepEqual(ids, ALL);
      assert.deepEqual(stage.double.cursors, cursors);
      assert.equal(stage.double.created.length, 1);
    });
  });
}

Deno.test("A cold model keeps nobody in the dark, and is waited for within a bound", async () => {
  await withReplicate({ cold: true, stream: "none" }, async (stage) => {
    const submitted = await stage.backend.submit(stage.submission, -1);
    assert(submitted.ok);
    const first = await submitted.value.next();
    assert.deepEqual(first.value, { id: 0, event: { type: "generation.queued", id: PLAN.id } });
    stage.clock.now = REPLICATE_DEFAULTS.startMs;
    const { problem } = await follow(submitted.value);
    assert.match(problem?.detail ?? "", /did not start within 600 seconds/);
    assert.deepEqual(stage.double.canceled, stage.places, "nobody pays for what nobody waits for");
  });
});

Deno.test("A model that yields nothing any more is waited for within a bound", async () => {
  await withReplicate({ pauseAfter: 2, stream: "none" }, async (stage) => {
    const submitted = await stage.backend.submit(stage.submission, -1);
    assert(submitted.ok);
    const late = (async function* () {
      for await (const numbered of submitted.value) {
        if (numbered.id === 2) stage.clock.now += REPLICATE_DEFAULTS.progressMs;
        yield numbered;
      }
    })();
    const { ids, problem } = await follow(late);
    assert.deepEqual(ids, [0, 1, 2]);
    assert.match(problem?.detail ?? "", /sent no event within 900 seconds/);
    assert.deepEqual(stage.double.canceled, stage.places);
  });
});

Deno.test("A prediction that fails is a failure, told without what it said", async () => {
  const fail = "CUDA out of memory while drawing a bird (E6716)";
  for (const stream of [{}, { stream: "none" }] as const) {
    await withReplicate({ fail, ...stream }, async (stage) => {
      const { ids, problem } = await collect(stage);
      assert.deepEqual(ids, ALL.slice(0, -1));
      assert.equal(problem?.code, "upstream_failed");
      assert.match(problem?.detail ?? "", /ended as failed \(E6716\)$/);
    });
  }
});

Deno.test("A prediction that lost one of its outputs is no result", async () => {
  await withReplicate({ swallow: 4 }, async (stage) => {
    const { ids, problem } = await collect(stage);
    assert.deepEqual(ids, [0, 1, 2, 3]);
    assert.match(problem?.detail ?? "", /after event 3, without an end/);
  });
});

Deno.test("A reader that gives up in mid-run cancels the prediction", async () => {
  await withReplicate({ pauseAfter: 2 }, async (stage) => {
    const submitted = await stage.backend.submit(stage.submission, -1);
    assert(submitted.ok);
    for await (const { id } of submitted.value) if (id === 2) break;
    assert.deepEqual(stage.double.canceled, stage.places);
  });
});

Deno.test("Outputs that are not of the contract are no result, and are not paid for on", async () => {
  const draw =
    () => [...RUN.slice(0, 3), { type: "generation.nonsense" } as never, ...RUN.slice(3)];
  await withReplicate({ pauseAfter: 4 }, async (stage) => {
    const { ids, problem } = await collect(stage);
    assert.deepEqual(ids, [0, 1, 2]);
    assert.equal(problem?.code, "upstream_failed");
    assert.deepEqual(stage.double.canceled, stage.places);
  }, { draw });
});

Deno.test("A canceled run ends with what it had spent", async () => {
  await withReplicate({ pauseAfter: 2 }, async (stage) => {
    const submitted = await stage.backend.submit(stage.submission, -1);
    assert(submitted.ok);
    const canceling = (async function* () {
      for await (const numbered of submitted.value) {
        if (numbered.id === 2) assert((await stage.backend.cancel(PLAN.id)).ok);
        yield numbered;
      }
    })();
    const { ids, last } = await follow(canceling);
    assert.deepEqual(ids, [0, 1, 2, 3]);
    assert.deepEqual(last, { type: "generation.canceled", evaluations: 2 });
    assert((await stage.backend.cancel(PLAN.id)).ok, "nothing runs any more");
    assert.deepEqual(stage.double.canceled, stage.places);
  });
});

Deno.test("A run that another process began is taken up, not paid for twice", async () => {
  await withReplicate({ pauseAfter: 2 }, async (stage) => {
    const submitted = await stage.backend.submit(stage.submission, -1);
    assert(submitted.ok);
    // This reader stops without closing: its process is gone.
    await submitted.value.next();
    const [place = ""] = stage.places;
    stage.double.release(place);
    const again = await stage.backend.submit({ ...stage.submission, place }, -1);
    assert(again.ok);
    assert.deepEqual((await follow(again.value)).ids, ALL);
    assert.equal(stage.double.created.length, 1);
    stage.double.forget(place);
    stage.double.script = {};
    const anew = await stage.backend.submit({ ...stage.submission, place }, -1);
    assert(anew.ok);
    assert.deepEqual((await follow(anew.value)).ids, ALL);
    assert.equal(stage.double.created.length, 2, "nothing is left of the first one there");
  });
});

const REFUSALS = [
  [429, "at_capacity"],
  [422, "model_mismatch"],
  [402, "gpu_unavailable"],
  [500, "gpu_unavailable"],
] as const;
for (const [status, code] of REFUSALS) {
  Deno.test(`A refusal of Replicate with ${status} is ${code}, at once`, async () => {
    await withReplicate({ refuse: status }, async ({ backend, submission, places }) => {
      const refused = await backend.submit(submission, -1);
      assert(!refused.ok);
      assert.equal(refused.problem.code, code);
      assert.deepEqual(places, []);
    });
  });
}

Deno.test("Replicate is left alone after failures in a row, for some seconds", async () => {
  await withReplicate({ refuse: 503 }, async ({ backend, submission, double, clock }) => {
    const { failuresMax, openMs } = REPLICATE_DEFAULTS.circuit;
    for (let i = 0; i < failuresMax; i++) assert(!(await backend.submit(submission, -1)).ok);
    double.script = {};
    const left = await backend.submit(submission, -1);
    assert(!left.ok && left.problem.code === "gpu_unavailable");
    clock.now += openMs;
    const probed = await backend.submit(submission, -1);
    assert(probed.ok);
    assert.deepEqual((await follow(probed.value)).ids, ALL);
    assert.equal((await backend.health()).functions?.[0]?.circuit, "closed");
  });
});

Deno.test("Health tells whether Replicate answers to this token", async () => {
  for (const [token, status] of [[REPLICATE_TOKEN, "READY"], ["another", "UNREACHABLE"]] as const) {
    await withReplicate({}, async ({ backend }) => {
      assert.equal((await backend.health()).status, status);
    }, { settings: { token } });
  }
});
