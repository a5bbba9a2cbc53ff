/**
 * The room of one content key. It alone holds the stream from the GPU function, so readers come and
 * go without touching the run, and equal submissions share it.
 */
import {
  accept,
  chargedRows,
  createProblem,
  extraEvaluations,
  extraSpent,
  type GenerationEvent,
  isTerminal,
  joinInsights,
  lacksInsights,
  type NumberedEvent,
  type Parsed,
  type Plan,
  type Problem,
  ProblemError,
  type Progress,
} from "../../contract/mod.ts";
import type { Results } from "../../db/result_queries.ts";
import type { GpuBackend } from "../backends/gpu_backend.ts";
import { settlesWithin } from "../clock.ts";
import { EventLog } from "../rooms/event_log.ts";
import { type Recalled, Room, type RoomPorts } from "../rooms/room.ts";
import { remember, type RoomStore } from "../rooms/room_store.ts";
import { tolerate } from "../rooms/tolerated_failure.ts";
import { recallGeneration, saveEnd, saveSubmission } from "./generation_memory.ts";
import { spentSoFar } from "./generation_resource.ts";
import type { GenerationEnd, GenerationRun, GenerationSubmission, RunEnd } from "./run.ts";

export interface GenerationRoomPorts extends RoomPorts {
  readonly gpu: GpuBackend;
  readonly results: Pick<Results, "write">;
  /** Called after the terminal event has reached the readers. Its failure is logged. */
  readonly afterEnd: (end: RunEnd) => Promise<void>;
}

export type GenerationRoom = Room<GenerationRun>;

/** How long a reader waits for a second attempt to store. */
const REVISIT_MS = 1_000;

export function createGenerationRoom(ports: GenerationRoomPorts): GenerationRoom {
  return new Room<GenerationRun>({
    subject: (id) => ({ generation: id }),
    evaluations: ({ plan }) => chargedRows(plan, plan.evaluations.planned) + extraEvaluations(plan),
    spent: chargedFor,
    create: (submission, done) => createRun(submission, done, ports.now()),
    open: (run) => open(ports, run),
    breakOff: (run, cause) => breakOff(ports, run, cause),
    cancel: ({ submission }) => ports.gpu.cancel(submission.plan.id),
    afterEnd(run, end) {
      const { submission, log: { events } } = run;
      return ports.afterEnd({ submission, event: end.event, spent: spentBy(run, end), events });
    },
    hasFailed: ({ end }) => end !== null && end.event.type !== "generation.completed",
    lacks: ({ submission }, { plan }) => lacksInsights(submission.plan, plan),
    withAll: (asked, { submission }) => ({ ...asked, ...joinInsights(asked, submission.plan) }),
    revisit: (run) => storeAgain(ports, run),
    recall: () => recall(ports.store),
    retain: (run) => saveEnd(ports.store, run),
  }, ports);
}

function createRun(
  submission: GenerationSubmission,
  done: Promise<void>,
  began: number,
): GenerationRun {
  return { submission, log: new EventLog(), done, began, end: null, finishedAt: null };
}

async function open(
  ports: GenerationRoomPorts,
  run: GenerationRun,
): Promise<Parsed<() => Promise<GenerationEnd>>> {
  const { submission } = run;
  const { plan: { id }, request, place, origin: { request_id } } = submission;
  let placed = false;
  const save = (submission: GenerationSubmission) =>
    remember(ports.log, { generation: id }, () => saveSubmission(ports.store, submission));
  const onPlace = async (place: string) => {
    placed = true;
    await save({ ...submission, place });
  };
  const onProgress = (progress: Progress) => run.log.report(progress);
  const submitted = { id, request, request_id, place, onPlace, onProgress };
  const events = await ports.gpu.submit(submitted, -1);
  if (!events.ok) return events;
  if (!placed) await save(submission);
  return accept(() => follow(ports, run, events.value));
}

/** @throws ProblemError when the events end without a terminal one, or contradict the plan */
async function follow(
  ports: GenerationRoomPorts,
  run: GenerationRun,
  events: AsyncIterable<NumberedEvent>,
): Promise<GenerationEnd> {
  const { log, submission: { plan }, began } = run;
  for await (const { id, event } of events) {
    await checkEvent(event, plan);
    const at_ms = ports.now() - began;
    if (isTerminal(event)) {
      const end = { id, event, at_ms };
      if (event.type === "generation.completed") await persist(ports, run, [...log.events, end]);
      return end;
    }
    log.append({ id, event, at_ms });
  }
  throw new ProblemError(createProblem("upstream_failed", "No end was sent"));
}

function breakOff(
  { log, now }: GenerationRoomPorts,
  { submission, log: { lastId }, began }: GenerationRun,
  cause: unknown,
): GenerationEnd {
  const error = toProblem(cause);
  log({ level: "error", message: error.detail, generation: submission.plan.id, cause });
  return { id: lastId + 1, event: { type: "generation.failed", error }, at_ms: now() - began };
}

/** Stores before the end reaches a reader, so that the image's URL works by then. */
function persist(
  { results, now, log }: GenerationRoomPorts,
  { submission }: GenerationRun,
  events: readonly NumberedEvent[],
): Promise<void> {
  const generation = submission.plan.id;
  return tolerate(log, { message: "Storing failed", generation }, () =>
    results.write({
      ...submission,
      account: submission.origin.account,
      events: events.map(({ id, event, at_ms }) => ({ id, event, at_ms })),
      finished_at: now(),
    }));
}

/** Stores a result that the database has lost, or could not take. */
async function storeAgain(ports: GenerationRoomPorts, run: GenerationRun): Promise<void> {
  const stored = persist(ports, run, run.log.events);
  ports.keepAlive(stored);
  await settlesWithin(stored, REVISIT_MS);
}

async function recall(store: RoomStore): Promise<Recalled<GenerationRun>> {
  const { cutOff, ended } = await recallGeneration(store);
  if (!ended) return { cutOff };
  const { submission, events, finishedAt } = ended;
  const run = createRun(submission, Promise.resolve(), finishedAt);
  for (const { id, event } of events) {
    run.log.append({ id, event });
    if (isTerminal(event)) run.end = { id, event };
  }
  run.finishedAt = finishedAt;
  return { cutOff, ended: run };
}

function spentBy({ log }: GenerationRun, { event }: GenerationEnd): number {
  if (event.type === "generation.completed") return event.evaluations.spent;
  return spentSoFar([...log.events.map(({ event }) => event), event]);
}

/** Returns what the account pays in the end: the rows, and what was shown besides. */
function chargedFor(run: GenerationRun, end: GenerationEnd): number {
  const { plan } = run.submission;
  const done = spentBy(run, end);
  const isWhole = end.event.type === "generation.completed";
  const { planned } = plan.evaluations;
  const { event } = end;
  const rows = event.type === "generation.completed" && event.compute
    ? Math.ceil(event.compute.spent)
    : chargedRows(plan, done);
  return rows + extraSpent(extraEvaluations(plan), { done, planned, isWhole });
}

/** The GPU function plans too: both must plan the same, and the image must match its hash. */
async function checkEvent(event: GenerationEvent, plan: Plan): Promise<void> {
  if (event.type === "generation.planned" && event.plan.id !== plan.id) {
    const detail = `The edge planned ${plan.id}, the GPU function ${event.plan.id}`;
    throw new ProblemError(createProblem("model_mismatch", detail));
  }
  if (event.type === "generation.image") {
    const bytes = Uint8Array.fromBase64(event.data);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    if (digest === event.sha256) return;
    const detail = "The image does not have the SHA-256 that came with it";
    throw new ProblemError(createProblem("upstream_failed", detail));
  }
}

function toProblem(cause: unknown): Problem {
  if (cause instanceof ProblemError) return cause.problem;
  return createProblem("upstream_failed", "The events of the GPU function could not be read");
}
