import assert from "node:assert/strict";
import {
  createProblem,
  type GenerationEvent,
  isTerminal,
  ProblemError,
} from "../../contract/mod.ts";
import { FakeClock } from "../fixtures/fake_clock.ts";
import {
  completedEvent,
  eventOf,
  PacedEngine,
  type Script,
  stepEvent,
} from "../fixtures/paced_engine.ts";
import type { LogRecord } from "./log_record.ts";
import { GenerationService, type Job, type ServiceLimits } from "./service.ts";

const LIMITS: ServiceLimits = {
  runningMax: 2,
  queuedMax: 2,
  readersMax: 200,
  retainedMax: 4,
  retainedBytes: 10_000_000,
  retainedMs: 60_000,
  drainMs: 20_000,
  cancelMs: 5_000,
};

const STEPS = 3;
const ask = (seed: number, more: object = {}) => ({
  model: "fixture",
  prompt: "a blue bird",
  seed,
  num_inference_steps: STEPS,
  ...more,
});

function setUp(
  options: { permits?: number; script?: Script; limits?: Partial<ServiceLimits> } = {},
) {
  const clock = new FakeClock();
  const records: LogRecord[] = [];
  const engine = new PacedEngine(options);
  const service = new GenerationService({ ...LIMITS, ...options.limits }, {
    clock,
    log: (record) => records.push(record),
  });
  service.start(engine);
  return { clock, records, engine, service };
}

function submit(service: GenerationService, id: string, input: unknown): Job {
  const submission = service.submit(id, input);
  if (!submission.ok) throw new ProblemError(submission.problem);
  return submission.value.job;
}

function refusal(service: GenerationService, id: string, input: unknown) {
  const submission = service.submit(id, input);
  assert(!submission.ok);
  return submission.problem;
}

/** All events of a job, waiting for its end. */
async function ended(job: Job): Promise<readonly GenerationEvent[]> {
  const reader = job.log.read(null);
  assert(reader);
  while (await reader.next());
  assert.equal(job.log.events.filter(isTerminal).length, 1);
  return job.log.events;
}

/** Reads up to an event, waiting for it. */
async function reached(job: Job, index: number): Promise<void> {
  const reader = job.log.read(index - 1);
  assert(reader);
  await reader.next();
  reader.close();
}

const types = (events: readonly GenerationEvent[]) =>
  events.map(({ type }) => type.replace("generation.", ""));

Deno.test("A job is queued, planned, run and retained", async () => {
  const { service, records } = setUp({ permits: STEPS });
  const job = submit(service, "a", ask(1));
  assert.deepEqual(types(job.log.events), ["queued", "planned"]);
  assert.deepEqual(types(await ended(job)), [
    "queued",
    "planned",
    "step",
    "step",
    "step",
    "image",
    "completed",
  ]);
  assert.equal(service.find("a"), job);
  assert.deepEqual(records.map(({ message }) => message), [
    "generation.started",
    "generation.finished",
  ]);
  assert(!JSON.stringify(records).includes("bird"), "a prompt is in the log");
});

// Every page that is open would run the model again.
Deno.test("50 identical submissions at once are one run and 50 complete streams", async () => {
  const { service, engine } = setUp();
  const jobs = Array.from({ length: 50 }, () => submit(service, "a", ask(1)));
  const streams = jobs.map(ended);
  assert.equal(service.tally.readers, 50);
  assert.equal(engine.runs.length, 1);
  engine.runs[0]?.permit(STEPS);
  for (const events of await Promise.all(streams)) assert.equal(events.length, STEPS + 4);
  submit(service, "a", ask(1));
  assert.equal(engine.runs.length, 1);
  const { started, joined, readers, finished } = service.tally;
  assert.deepEqual([started, joined, readers], [1, 50, 0]);
  assert.deepEqual(finished, { succeeded: 1, failed: 0, canceled: 0 });
});

Deno.test("A job whose readers have all left goes on and is retained", async () => {
  const { service, engine } = setUp();
  const job = submit(service, "a", ask(1));
  const reader = job.log.read(null);
  assert(reader);
  await reader.next();
  reader.close();
  engine.runs[0]?.permit(STEPS);
  await ended(job);
  assert.equal(service.find("a")?.state.phase, "succeeded");
});

Deno.test("A failed or canceled job starts anew under its id", async () => {
  const { service, engine } = setUp();
  const first = submit(service, "a", ask(1));
  service.cancel("a");
  await ended(first);
  const second = submit(service, "a", ask(1));
  assert.notEqual(second, first);
  assert.equal(service.find("a"), second);
  assert.equal(service.tally.retained, 0);
  engine.runs[1]?.permit(STEPS);
  assert.equal((await ended(second)).at(-1)?.type, "generation.completed");
  assert.equal((await ended(first)).at(-1)?.type, "generation.canceled");
});

Deno.test("A job that lacks insights asked for runs again when it has ended, and no sooner", async () => {
  const { service, engine } = setUp();
  const withGuidance = { ...ask(1), insights: ["guidance"] };
  const first = submit(service, "a", ask(1));
  const early = service.submit("a", withGuidance);
  assert(!early.ok);
  assert.equal(early.problem.code, "conflict");
  assert.match(early.problem.detail, /a is running without the insights that are asked for now/);
  engine.runs[0]?.permit(STEPS);
  await ended(first);
  const second = submit(service, "a", withGuidance);
  assert.notEqual(second, first);
  assert.deepEqual(engine.runs[1]?.plan.insights.names, ["guidance"]);
  assert.equal(submit(service, "a", ask(1)), second);
  engine.runs[1]?.permit(STEPS);
  await ended(second);
  assert.equal(submit(service, "a", withGuidance), second);
  assert.equal(engine.runs.length, 2);
});

Deno.test("An id stands for one plan; a content key for its own", async () => {
  const { service } = setUp({ permits: STEPS });
  const job = submit(service, "a", ask(1));
  const other = refusal(service, "a", ask(2));
  assert.equal(other.code, "conflict");
  assert(other.detail.startsWith(`Prediction a stands for ${job.plan.id}, the request is `));
  assert.equal(submit(service, job.plan.id, ask(1)).id, job.plan.id);
  const wrong = "0".repeat(64);
  const foreign = refusal(service, wrong, ask(1));
  assert.equal(foreign.code, "conflict");
  assert(foreign.detail.includes(job.plan.id) && foreign.detail.includes(wrong));
  for (const id of ["", "a/b", "ü", "x".repeat(129)]) {
    assert.equal(refusal(service, id, ask(1)).code, "invalid_request", id);
  }
  await ended(job);
  assert.equal(refusal(service, "a", ask(2)).code, "conflict");
});

Deno.test("A retry without a seed joins the job whose seed was drawn", () => {
  const { service, engine } = setUp();
  const { seed: _, ...seedless } = ask(1);
  const job = submit(service, "a", seedless);
  assert.equal(submit(service, "a", seedless), job);
  assert.notEqual(submit(service, "b", seedless).plan.id, job.plan.id);
  assert.equal(engine.runs.length, 2);
});

Deno.test("Beyond the runs and the queue there is no place, until one ends", async () => {
  const { service, engine } = setUp();
  const jobs = [1, 2, 3, 4].map((seed) => submit(service, `${seed}`, ask(seed)));
  assert.deepEqual([service.tally.running, service.tally.queued], [2, 2]);
  assert.equal(service.health, "BUSY");
  const { code, detail, retryable } = refusal(service, "5", ask(5));
  assert.deepEqual([code, retryable], ["at_capacity", true]);
  assert.equal(detail, "All 2 runs and 2 places in the queue are taken");
  assert.equal(submit(service, "4", ask(4)), jobs[3], "joining needs no place");
  engine.runs[1]?.permit(STEPS);
  await ended(jobs[1]!);
  await Promise.resolve();
  assert.equal(engine.runs[2]?.plan.seed, 3, "the queue is served in order");
  submit(service, "5", ask(5));
  for (let i = 0; i < 5; i++) {
    engine.runs[i]?.permit(STEPS);
    await ended(service.find(`${i + 1}`)!);
    await Promise.resolve();
  }
  assert.equal(service.health, "READY");
  assert.deepEqual(service.tally.refused, new Map([["at_capacity", 1]]));
});

Deno.test("cancel() ends a running job with the evaluations it spent", async () => {
  const { service, engine } = setUp();
  const job = submit(service, "a", ask(1));
  engine.runs[0]?.permit(2);
  await reached(job, 3);
  assert.equal(service.cancel("a"), job);
  assert.deepEqual((await ended(job)).at(-1), { type: "generation.canceled", evaluations: 4 });
  assert.equal(service.cancel("a"), job, "again changes nothing");
  assert.equal(job.log.events.length, 5);
  assert.equal(service.cancel("nobody"), undefined);
});

Deno.test("cancel() takes a job out of the queue, and no engine ever sees it", async () => {
  const { service, engine } = setUp({ limits: { runningMax: 1 } });
  const first = submit(service, "1", ask(1));
  const second = submit(service, "2", ask(2));
  service.cancel("2");
  assert.deepEqual(types(await ended(second)), ["queued", "planned", "canceled"]);
  engine.runs[0]?.permit(STEPS);
  await ended(first);
  await Promise.resolve();
  assert.equal(engine.runs.length, 1);
  assert.deepEqual([service.tally.queued, service.tally.running], [0, 0]);
});

Deno.test("An engine that ignores a cancel does not keep the readers waiting", async () => {
  const release = Promise.withResolvers<void>();
  const { service, clock, records } = setUp({
    limits: { runningMax: 1 },
    script: async function* ({ plan }) {
      yield stepEvent(plan, 0);
      await release.promise;
      yield stepEvent(plan, 1);
    },
  });
  const job = submit(service, "a", ask(1));
  await reached(job, 2);
  service.cancel("a");
  clock.advance(LIMITS.cancelMs - 1);
  assert(!job.log.ended);
  clock.advance(1);
  assert.deepEqual((await ended(job)).at(-1), { type: "generation.canceled", evaluations: 2 });
  assert(records.some(({ message }) => message === "generation.cancel_ignored"));
  assert.equal(service.tally.running, 1, "its slot is not free yet");
  release.resolve();
  while (service.tally.running > 0) await Promise.resolve();
  assert.equal((await ended(job)).length, 4);
});

const problem = createProblem("unplannable", "The model cannot");
const BROKEN: readonly (readonly [name: string, code: string, script: Script])[] = [
  ["throws a problem", "unplannable", async function* ({ plan }) {
    yield stepEvent(plan, 0);
    throw new ProblemError(problem);
  }],
  ["throws a problem that some fault has caused", "model_unavailable", () => {
    throw new ProblemError(createProblem("model_unavailable", "damaged"), {
      cause: new RangeError("secret path"),
    });
  }],
  ["throws an error", "internal", async function* ({ plan }) {
    yield stepEvent(plan, 0);
    throw new Error("secret path");
  }],
  ["throws something else", "internal", async function* ({ plan }) {
    yield stepEvent(plan, 0);
    throw "secret path";
  }],
  ["throws at once", "internal", () => {
    throw new Error("secret path");
  }],
  ["ends without a terminal event", "internal", async function* ({ plan }) {
    yield stepEvent(plan, 0);
  }],
  ["completes without an image", "internal", async function* ({ plan }) {
    yield stepEvent(plan, 0);
    yield completedEvent(plan);
  }],
  ["plans again", "internal", async function* () {
    yield eventOf("generation.planned");
  }],
];

for (const [name, code, script] of BROKEN) {
  Deno.test(`An engine that ${name} fails the job: ${code}`, async () => {
    const { service, records } = setUp({ script });
    const events = await ended(submit(service, "a", ask(1)));
    const last = events.at(-1);
    assert(last?.type === "generation.failed");
    assert.equal(last.error.code, code);
    assert(!JSON.stringify(events).includes("secret"), "the cause went to the client");
    const logged = records.filter(({ message }) => message === "generation.broke");
    assert.equal(logged.length, code === "unplannable" ? 0 : 1);
    if (/throws (an|some|at)|caused/.test(name)) {
      assert(`${logged[0]?.cause}`.includes("secret path"));
    }
    while (service.tally.running > 0) await Promise.resolve();
    assert.deepEqual(service.tally.finished, { succeeded: 0, failed: 1, canceled: 0 });
  });
}

Deno.test("An engine that goes on after its end is not listened to", async () => {
  let closed = false;
  const { service } = setUp({
    script: async function* ({ plan }) {
      try {
        yield stepEvent(plan, 0);
        yield eventOf("generation.image");
        yield completedEvent(plan);
        yield stepEvent(plan, 1);
      } finally {
        closed = true;
      }
    },
  });
  assert.equal((await ended(submit(service, "a", ask(1)))).at(-1)?.type, "generation.completed");
  while (service.tally.running > 0) await Promise.resolve();
  assert(closed);
});

Deno.test("drain() refuses new work, lets accepted jobs end, then resolves", async () => {
  const { service, engine, clock } = setUp({ limits: { runningMax: 1 } });
  const running = submit(service, "1", ask(1));
  const queued = submit(service, "2", ask(2));
  const drained = service.drain();
  assert.equal(service.health, "DRAINING");
  const { code, retryable } = refusal(service, "3", ask(3));
  assert.deepEqual([code, retryable], ["gpu_unavailable", true]);
  assert.equal(submit(service, "1", ask(1)), running, "joining is no new work");
  engine.runs[0]?.permit(STEPS);
  await ended(running);
  await Promise.resolve();
  engine.runs[1]?.permit(STEPS);
  await drained;
  assert.equal((await ended(queued)).at(-1)?.type, "generation.completed");
  assert.equal(clock.timers, 0);
});

Deno.test("drain() cancels what has not ended in time", async () => {
  const { service, clock } = setUp({ limits: { runningMax: 1 } });
  const jobs = [submit(service, "1", ask(1)), submit(service, "2", ask(2))];
  const drained = service.drain();
  clock.advance(LIMITS.drainMs - 1);
  assert.equal(service.tally.queued, 1);
  clock.advance(1);
  await drained;
  for (const job of jobs) {
    assert.deepEqual((await ended(job)).at(-1), { type: "generation.canceled", evaluations: 0 });
  }
  assert.equal(clock.timers, 0);
});

Deno.test("Finished jobs are retained within bounds, the oldest go first", async () => {
  const { service, clock } = setUp({ permits: STEPS, limits: { retainedMax: 2 } });
  for (const seed of [1, 2, 3]) await ended(submit(service, `${seed}`, ask(seed)));
  const kept = () => ["1", "2", "3"].filter((id) => service.find(id));
  assert.deepEqual(kept(), ["2", "3"]);
  assert(service.tally.retainedBytes > 0);
  clock.advance(LIMITS.retainedMs);
  assert.deepEqual(kept(), []);
  assert.equal(service.tally.retainedBytes, 0);
});

Deno.test("Without an engine work is refused and health says why", () => {
  const service = new GenerationService(LIMITS, { clock: new FakeClock(), log: () => {} });
  assert.equal(service.health, "STARTING");
  assert.equal(
    refusal(service, "a", ask(1)).detail,
    "The GPU function is still loading its models",
  );
  service.failSetup("unet/model.onnx is missing");
  assert.equal(service.health, "SETUP_FAILED");
  assert.equal(refusal(service, "a", ask(1)).code, "gpu_unavailable");
});

Deno.test("Requests that cannot be run are refused with the problem of parsing or planning", () => {
  const { service, engine } = setUp();
  assert.equal(refusal(service, "a", { prompt: 7 }).errors?.[0]?.field, "prompt");
  assert.equal(refusal(service, "a", undefined).code, "invalid_request");
  assert.equal(refusal(service, "a", ask(1, { width: 17 })).code, "unplannable");
  assert.equal(engine.runs.length, 0);
  assert.equal(service.find("a"), undefined);
});

Deno.test("A row that another generation had evaluated is not one that a cutoff saved", async () => {
  const { service } = setUp({
    script: async function* ({ plan }) {
      yield stepEvent(plan, 0);
      yield eventOf("generation.image");
      const completed = completedEvent(plan);
      assert(completed.type === "generation.completed");
      const evaluations = { planned: 15, spent: 14, shared: 1, full: 20, saved: 0.25 };
      yield { ...completed, evaluations };
    },
  });
  await ended(submit(service, "a", ask(1)));
  await ended(submit(service, "b", ask(2)));
  assert.equal(service.tally.evaluationsSaved, 10);
});
