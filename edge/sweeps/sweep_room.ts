/**
 * The room of one sweep: it submits the branches as the generations that they are, follows them and
 * merges their events into one log, which it alone numbers.
 */
import {
  accept,
  type BranchEnd,
  createProblem,
  type GenerationEvent,
  joinInsights,
  LIMITS,
  type NumberedEvent,
  type Parsed,
  type Problem,
  ProblemError,
  refuse,
  type SweepEvent,
  sweepOutcome,
  type SweepPlan,
  sweepStatus,
  type SweepTerminalEvent,
} from "../../contract/mod.ts";
import type { StoredSweep, Sweeps } from "../../db/sweep_queries.ts";
import type { AnswerPorts } from "../generations/generation_answer.ts";
import { lacksBranches } from "./stored_sweep.ts";
import { sheetPath } from "./sweep_resource.ts";
import { SHEET_END, type SheetLayout, sheetSize, sheetStart, sheetTile } from "./sweep_sheet.ts";
import { BranchRun } from "./branch_run.ts";
import { type GenerationStream, openGeneration } from "../generations/generation_stream.ts";
import { Interleaving, type PlacedEvent } from "./interleaving.ts";
import { pause } from "../clock.ts";
import { beginRun, endRun } from "../limits/admission.ts";
import type { Limiters } from "../limits/limiter_call.ts";
import { type OnBehalfOf, paidFor } from "../callers/on_behalf_of.ts";
import { roomUrl } from "../callers/private_results.ts";
import { MEMORY_AWAY, Room, type RoomJob } from "../rooms/room.ts";
import { remember, type RoomStore } from "../rooms/room_store.ts";
import { SweepLog } from "./sweep_log.ts";
import {
  NO_PROGRESS,
  recallSweep,
  saveProgress,
  saveSweep,
  type SweepSubmission,
} from "./sweep_memory.ts";

export interface SweepRoomPorts extends AnswerPorts {
  readonly sweeps: Pick<Sweeps, "write">;
  readonly store: RoomStore;
  readonly limiters: Limiters;
  /** After the terminal event has reached the readers. Its failure is logged. */
  readonly afterSweepEnd: (job: SweepJob) => Promise<void>;
}

export interface SweepJob extends RoomJob {
  readonly plan: SweepPlan;
  readonly origin: OnBehalfOf;
  readonly log: SweepLog;
  readonly runs: readonly BranchRun[];
  readonly interleaving: Interleaving;
  /** Its end was asked for. */
  canceled: boolean;
  /** As SVG; null before the end, and where it is too large to be held. */
  sheet: string | null;
  /** Null before it. */
  end: SweepTerminalEvent | null;
}

/** No more than a GPU function runs by default: branches must not fill its queue for others. */
const BRANCHES_AT_ONCE = 4;
/** Before a branch that was refused for the moment is submitted again. */
const REFUSED_PAUSES_MS = [250, 1_000, 4_000];

export class SweepRoom extends Room<SweepSubmission, SweepJob> {
  readonly #ports: SweepRoomPorts;

  constructor(ports: SweepRoomPorts) {
    super(ports.now);
    this.#ports = ports;
  }

  protected override async recall(): Promise<Parsed<SweepSubmission | null>> {
    try {
      const remembered = await recallSweep(this.#ports.store);
      return accept(remembered && { ...remembered, recalled: true });
    } catch (cause) {
      this.#ports.log({ level: "error", message: "Room memory failed", cause });
      return refuse(MEMORY_AWAY);
    }
  }

  protected override hasFailed({ finishedAt, runs, canceled }: SweepJob): boolean {
    if (finishedAt === null) return false;
    return canceled ||
      runs.some(({ branch, end }) => branch.same_as === null && end?.status !== "succeeded");
  }

  protected override lacks({ plan }: SweepJob, asked: SweepSubmission): boolean {
    return lacksBranches(plan.branches.map(({ plan }) => plan), asked.plan);
  }

  protected override withAll(
    submission: SweepSubmission,
    job: SweepJob,
  ): SweepSubmission {
    const { plan } = submission;
    const branches = plan.branches.map((branch, i) => ({
      ...branch,
      ...joinInsights(branch, job.plan.branches[i]?.plan ?? branch.plan),
    }));
    return { ...submission, plan: { ...plan, branches } };
  }

  /** Charged once, for the rows that its branches cost together. */
  protected override async start(remembered: SweepSubmission): Promise<Parsed<SweepJob>> {
    const { limiters } = this.#ports;
    const { plan: { id: run, evaluations }, origin, recalled = false } = remembered;
    const admitted = await beginRun(limiters, origin, { run, evaluations: evaluations.together });
    if (!admitted.ok && !recalled) return admitted;
    const begun = await this.#begin(remembered);
    if (!begun.ok) await endRun(limiters, origin, { run, spent: 0 });
    return begun;
  }

  /** A sweep whose first branch is refused is refused, before any event. */
  async #begin(remembered: SweepSubmission): Promise<Parsed<SweepJob>> {
    const { plan, origin } = remembered;
    const { store, keepAlive } = this.#ports;
    const job = createJob(remembered);
    const [first] = job.runs;
    if (!first) throw new RangeError(`Sweep ${plan.id} has no branches`);
    const submission = { ...first.branch, origin: paidFor(origin) };
    const { signal } = first.leave;
    const opened = await openGeneration(this.#ports, submission, { signal });
    if (!opened.ok) {
      if (!opened.problem.retryable) await this.#remember(() => store.clear(), plan.id);
      return refuse(opened.problem);
    }
    await this.#remember(() => saveSweep(store, { plan, origin }), plan.id);
    job.log.append(0, plannedEvent(plan));
    const { promise, resolve } = Promise.withResolvers<void>();
    const held = Object.assign(job, { done: promise });
    this.hold(held);
    keepAlive(this.#run(held, opened.value).finally(resolve));
    return { ok: true, value: held };
  }

  /** Ends with exactly one terminal event in the log, whatever happens. */
  async #run(job: SweepJob, first: GenerationStream): Promise<void> {
    const waiting = job.runs.filter(({ branch }) => branch.same_as === null).values();
    const work = async () => {
      for (const run of waiting) await this.#follow(job, run, run.index === 0 ? first : null);
    };
    try {
      await Promise.all(Array.from({ length: BRANCHES_AT_ONCE }, work));
      await this.#conclude(job);
    } catch (cause) {
      await this.#break(job, cause);
    }
    await this.#tellEnd(job);
    await this.#remember(() => this.#ports.store.clear(), job.plan.id);
  }

  async #tellEnd(job: SweepJob): Promise<void> {
    try {
      await this.#ports.afterSweepEnd(job);
    } catch (cause) {
      this.#ports.log({ level: "error", message: "After the end", sweep: job.plan.id, cause });
    }
  }

  /** A fault of our own still ends the log. */
  async #break(job: SweepJob, cause: unknown): Promise<void> {
    const { plan, runs } = job;
    this.#ports.log({ level: "error", message: "A sweep broke", sweep: plan.id, cause });
    const error = createProblem("internal", "The sweep broke off; the edge's log says why");
    const broken: BranchEnd = {
      status: "failed",
      cached: false,
      spent: 0,
      shared: 0,
      failure: error,
    };
    const ends = runs.map(({ end }) => end ?? broken);
    if (job.log.ended) return;
    const outcome = sweepOutcome(plan, ends);
    await this.#end(job, job.log.lastId + 1, { type: "sweep.failed", ...outcome, error });
  }

  /** From a branch's submission to its terminal event. A failure is the branch's own. */
  async #follow(job: SweepJob, run: BranchRun, opened: GenerationStream | null): Promise<void> {
    try {
      const stream = opened ?? await this.#open(job, run);
      if (stream) {
        run.begunHere ||= stream.cache === "miss";
        if (job.canceled) await this.#leave(job, run);
        for await (const numbered of stream.events) this.#take(job, run, numbered);
      }
      if (run.end === null) {
        const canceled: GenerationEvent = { type: "generation.canceled", evaluations: run.spent };
        this.#take(job, run, { id: run.lastId + 1, event: canceled });
      }
    } catch (cause) {
      const error = cause instanceof ProblemError
        ? cause.problem
        : createProblem("upstream_failed", "The generation's events could not be read");
      const generation = run.branch.plan.id;
      this.#ports.log({ level: "error", message: error.detail, generation, cause });
      const failed: GenerationEvent = { type: "generation.failed", error };
      if (run.end === null) this.#take(job, run, { id: run.lastId + 1, event: failed });
    }
    this.#append(job, job.interleaving.end(run.index));
  }

  /** Null where the sweep was canceled before. @throws ProblemError when the branch is refused */
  async #open(job: SweepJob, run: BranchRun): Promise<GenerationStream | null> {
    for (const ms of [...REFUSED_PAUSES_MS, null]) {
      if (job.canceled) return null;
      const submission = { ...run.branch, origin: paidFor(job.origin) };
      const { signal } = run.leave;
      const opened = await openGeneration(this.#ports, submission, { signal });
      if (opened.ok) return opened.value;
      if (!opened.problem.retryable || ms === null) throw new ProblemError(opened.problem);
      await pause(ms);
    }
    return null;
  }

  #take(job: SweepJob, run: BranchRun, { id, event: told }: NumberedEvent): void {
    // What this sweep began is no cache's answer, though a later connection reads it from there.
    const event = told.type === "generation.completed" && run.begunHere
      ? { ...told, cached: false }
      : told;
    run.take(id, event);
    this.#append(job, job.interleaving.offer(run.index, { id, event }));
  }

  #append(job: SweepJob, placed: readonly PlacedEvent[]): void {
    if (placed.length === 0) return;
    this.#note(job);
    for (const { place, branch, event } of placed) {
      job.log.append(place + 1, { type: "sweep.event", branch, event });
    }
  }

  #note({ plan, interleaving: { order }, runs, canceled }: SweepJob): void {
    const begun = runs.filter(({ begunHere }) => begunHere).map(({ index }) => index);
    const note = () => saveProgress(this.#ports.store, { order, begun, canceled });
    this.#ports.keepAlive(this.#remember(note, plan.id));
  }

  async #conclude(job: SweepJob): Promise<void> {
    const { plan, runs, interleaving, log } = job;
    const ends = runs.map(({ branch, index }) => endOf(runs, branch.same_as ?? index));
    const outcome = sweepOutcome(plan, ends);
    const status = sweepStatus(ends, job.canceled);
    const id = interleaving.order.length + 1;
    if (status === "succeeded") {
      const layout = layoutOf(plan, outcome.branches);
      job.sheet = drawSheet(layout, runs);
      const url = sheetPath(plan.id);
      log.append(id, { type: "sweep.sheet", url, ...sheetSize(layout), svg: job.sheet });
      if (ends.every((end) => end.status === "succeeded")) await this.#persist(job, outcome);
      await this.#end(job, id + 1, { type: "sweep.completed", ...outcome, cached: false });
    } else if (status === "failed") {
      await this.#end(job, id, { type: "sweep.failed", ...outcome, error: failureOf(ends) });
    } else await this.#end(job, id, { type: "sweep.canceled", ...outcome });
    for (const run of runs) run.image = null;
  }

  async #end(job: SweepJob, id: number, event: SweepTerminalEvent): Promise<void> {
    const settled = { run: job.plan.id, spent: event.evaluations.spent };
    await this.#remember(() => endRun(this.#ports.limiters, job.origin, settled), job.plan.id);
    job.end = event;
    job.finishedAt = this.#ports.now();
    job.log.append(id, event);
  }

  /** Before the end reaches a reader, so that the sweep can be looked up by then. */
  async #persist(
    { plan, interleaving }: SweepJob,
    outcome: StoredSweep["outcome"],
  ): Promise<void> {
    const { id, axis, evaluations: planned } = plan;
    const branches = plan.branches.map(({ plan: { id }, label, same_as }) => ({
      id,
      label,
      same_as,
    }));
    const sweep = { id, axis, branches, planned, event_order: interleaving.order, outcome };
    try {
      await this.#ports.sweeps.write(sweep, this.#ports.now());
    } catch (cause) {
      this.#ports.log({ level: "error", message: "Storing a sweep failed", sweep: id, cause });
    }
  }

  /**
   * Ends the generations that this sweep began, for everyone who reads them; those that somebody else
   * had begun go on without it.
   */
  async cancel(job: SweepJob): Promise<Parsed<null>> {
    job.canceled = true;
    this.#note(job);
    const running = job.runs.filter(({ end, begunHere }) => end === null && begunHere !== null);
    const left = await Promise.all(running.map((run) => this.#leave(job, run)));
    return left.find((parsed) => !parsed.ok) ?? { ok: true, value: null };
  }

  async #leave({ origin }: SweepJob, run: BranchRun): Promise<Parsed<null>> {
    if (!run.begunHere) {
      run.leave.abort();
      return { ok: true, value: null };
    }
    const request = new Request(roomUrl("/cancel", origin.account), { method: "POST" });
    const response = await this.#ports.rooms.fetch(run.branch.plan.id, request);
    await response.body?.cancel();
    // 404 and 409: it has ended meanwhile, as its events will tell.
    if (response.ok || response.status === 404 || response.status === 409) {
      return { ok: true, value: null };
    }
    const detail = `Branch ${run.index} could not be canceled, and goes on`;
    return refuse(createProblem("gpu_unavailable", detail));
  }

  #remember(write: () => Promise<void>, sweep: string): Promise<void> {
    return remember(this.#ports.log, { sweep }, write);
  }
}

function createJob(
  { plan, origin, progress = NO_PROGRESS }: SweepSubmission,
): Omit<SweepJob, "done"> {
  const runs = plan.branches.map((branch, index) => new BranchRun(index, branch));
  for (const index of progress.begun) Object.assign(runs[index] ?? {}, { begunHere: true });
  return {
    plan,
    origin,
    log: new SweepLog(),
    runs,
    interleaving: new Interleaving(progress.order),
    canceled: progress.canceled,
    finishedAt: null,
    sheet: null,
    end: null,
  };
}

function plannedEvent({ id, axis, branches, evaluations }: SweepPlan): SweepEvent {
  const told = branches.map(({ label, same_as, plan }) => ({ label, same_as, plan }));
  return { type: "sweep.planned", id, axis, branches: told, evaluations };
}

function endOf(runs: readonly BranchRun[], index: number): BranchEnd {
  const end = runs[index]?.end;
  if (!end) throw new Error(`Branch ${index} has not ended`);
  return end;
}

/** Of a sweep without any image: the first branch's problem, under the sweep's words. */
function failureOf(ends: readonly BranchEnd[]): Problem {
  const first = ends.findIndex(({ failure }) => failure !== null);
  const failure = ends[first]?.failure ?? createProblem("internal", "No branch says why");
  return { ...failure, detail: `No branch succeeded. Branch ${first}: ${failure.detail}` };
}

function layoutOf(
  { branches }: Pick<SweepPlan, "branches">,
  outcomes: SheetLayout["branches"],
): SheetLayout {
  const { prompt: title = "", width = 1, height = 1 } = branches[0]?.plan ?? {};
  return { title, width, height, branches: outcomes };
}

/** Null where the images are too large for one event. */
function drawSheet(layout: SheetLayout, runs: readonly BranchRun[]): string | null {
  const images = runs.map(({ branch, image }) =>
    branch.same_as === null ? image : runs[branch.same_as]?.image ?? null
  );
  const length = images.reduce((sum, image) => sum + (image?.data.length ?? 0), 0);
  if (length > LIMITS.sheetLength) return null;
  const tiles = images.map((image, i) => sheetTile(layout, i, image));
  return sheetStart(layout) + tiles.join("") + SHEET_END;
}
