/**
 * Several GPU functions, or a single one, as one back end. A run stays where it is while that can
 * be reached, and goes on elsewhere when it cannot: the same key gives the same events under the
 * same ids.
 */
import {
  accept,
  createProblem,
  isTerminal,
  type NumberedEvent,
  type Parsed,
  type Problem,
  ProblemError,
  type Progress,
  refuse,
} from "../../contract/mod.ts";
import { NoProgress } from "../rooms/message_stream.ts";
import { pause } from "../clock.ts";
import type { GpuBackend, GpuHealth, Submission } from "./gpu_backend.ts";
import type { Log } from "../observability/log.ts";
import type { Body, GpuFunction } from "./gpu_function.ts";
import { BoundedMap } from "../bounded_map.ts";
import { GpuLoads } from "./gpu_loads.ts";
import { readPrediction } from "./prediction_stream.ts";
import { RunCourse } from "./run_course.ts";

export interface PoolOptions {
  /** How long a GPU function may take to accept a prediction. */
  readonly acceptMs: number;
  /** How long it may take where another one can be asked. */
  readonly failoverMs: number;
  /** How long a stream may bring no byte: three missed heartbeats. */
  readonly silenceMs: number;
  /** How long a run may stand still, its time in the queue included where the queue stands still. */
  readonly progressMs: number;
  /** How long the load that a health check reported holds. */
  readonly loadMs: number;
  /** Whether functions of different determinism classes may draw. */
  readonly mixed: boolean;
  /** Pauses before each new connection, after a stream broke. Progress starts them over. */
  readonly retryPausesMs: readonly number[];
  /** How many of these a run that has done a step waits for its own function. */
  readonly staysMax: number;
  /** New connections in one run, with or without progress. */
  readonly reconnectsMax: number;
}

export const POOL_DEFAULTS: PoolOptions = {
  acceptMs: 15_000,
  failoverMs: 5_000,
  silenceMs: 30_000,
  progressMs: 900_000,
  loadMs: 1_000,
  mixed: false,
  retryPausesMs: [100, 400, 1_600, 5_000],
  staysMax: 2,
  reconnectsMax: 20,
};

export interface PoolPorts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Log;
}

/** A run in each place of some functions, and more. */
const LOST_MAX = 1_000;

interface Run {
  readonly submission: Submission;
  readonly course: RunCourse;
  place: GpuFunction;
  canceled: boolean;
  /** The others were asked as well, since its last event. */
  sought: boolean;
}

interface Opened {
  readonly place: GpuFunction;
  readonly body: Body;
}

export class GpuPool implements GpuBackend {
  readonly #functions: readonly GpuFunction[];
  readonly #options: PoolOptions;
  readonly #ports: PoolPorts;
  readonly #loads: GpuLoads;
  readonly #runs = new Map<string, Run>();
  /** Where runs are that nobody could reach any more: they go on there, and are found when asked for again. */
  readonly #lost = new BoundedMap<string, string>(LOST_MAX);

  constructor(functions: readonly GpuFunction[], options: PoolOptions, ports: PoolPorts) {
    this.#functions = functions;
    this.#options = options;
    this.#ports = ports;
    this.#loads = new GpuLoads(functions, options, ports);
  }

  async submit(
    submission: Submission,
    after: number,
  ): Promise<Parsed<AsyncGenerator<NumberedEvent>>> {
    const ranked = await this.#loads.rank(submission.id);
    const home = submission.place ?? this.#lost.get(submission.id);
    const had = ranked.filter(({ url }) => url === home);
    const candidates = [...had, ...ranked.filter((one) => !had.includes(one))];
    const opened = await this.#openAnywhere(submission, candidates, () => after);
    if (!opened.ok) return opened;
    const { place, body } = opened.value;
    this.#lost.delete(submission.id);
    const run = { submission, course: new RunCourse(after), place, canceled: false, sought: false };
    return accept(this.#follow(run, body));
  }

  async cancel(id: string): Promise<Parsed<null>> {
    const run = this.#runs.get(id);
    if (run) run.canceled = true;
    const { acceptMs } = this.#options;
    const places = run ? [run.place] : this.#functions;
    const answers = await Promise.all(places.map((place) => place.cancel(id, acceptMs)));
    return answers.find(({ ok }) => !ok) ?? accept(null);
  }

  async health(): Promise<GpuHealth> {
    const functions = await this.#loads.look();
    const best = BEST_FIRST.find((status) => functions.some((one) => one.status === status));
    return { status: best ?? functions[0]?.status ?? "UNREACHABLE", functions };
  }

  /** Opens the run at the first candidate that accepts, or else at a function that is back. */
  async #openAnywhere(
    submission: Submission,
    candidates: readonly GpuFunction[],
    afterAt: (place: GpuFunction) => number,
  ): Promise<Parsed<Opened>> {
    const opened = await this.#open(submission, candidates, afterAt);
    if (opened.ok) return opened;
    const back = await this.#loads.rankBack(submission.id, candidates);
    if (back.length === 0) return opened;
    const late = await this.#open(submission, back, afterAt);
    return late.ok ? late : refuse(worthMost([late.problem, opened.problem]));
  }

  /**
   * Opens the run at the first candidate that accepts. `onPlace` hears of it before the first
   * event, so that the run can be found again.
   */
  async #open(
    submission: Submission,
    candidates: readonly GpuFunction[],
    afterAt: (place: GpuFunction) => number,
  ): Promise<Parsed<Opened>> {
    const { acceptMs, failoverMs } = this.#options;
    const problems: Problem[] = [];
    for (const [index, place] of candidates.entries()) {
      const waitMs = index < candidates.length - 1 ? failoverMs : acceptMs;
      this.#loads.count(place);
      const connected = await place.submit(submission, afterAt(place), waitMs);
      if (connected.met === "accepted") {
        await submission.onPlace?.(place.url);
        return accept({ place, body: connected.body });
      }
      problems.push(connected.problem);
      if (connected.reason !== undefined) this.#logRefusal(place, connected.reason);
    }
    return refuse(worthMost(problems));
  }

  /** Yields the events of a run over as many connections as it takes, each event once. */
  async *#follow(run: Run, first: Body): AsyncGenerator<NumberedEvent> {
    const { submission: { id }, course } = run;
    this.#runs.set(id, run);
    let body: Body | null = first;
    let losses = 0;
    try {
      for (let reconnects = 0; reconnects <= this.#options.reconnectsMax; reconnects++) {
        try {
          for await (const numbered of body ? this.#read(run, body) : []) {
            if (this.#isAbandoned(run, numbered)) break;
            if (!course.take(numbered)) continue;
            losses = 0;
            run.sought = false;
            yield numbered;
            if (isTerminal(numbered.event)) return;
          }
        } catch (cause) {
          if (cause instanceof ProblemError) throw cause;
          if (cause instanceof NoProgress) throw this.#noProgress();
        }
        if (this.#options.retryPausesMs[losses] === undefined) break;
        body = await this.#reopen(run, losses++);
      }
      if (!run.canceled) this.#lost.set(id, run.place.url);
      const detail = `The GPU function broke off after event ${course.after}`;
      throw new ProblemError(createProblem("upstream_failed", detail));
    } finally {
      if (this.#runs.get(id) === run) this.#runs.delete(id);
      // The reader has left, for whatever reason: the place is free for others.
      if (!course.ended && this.#lost.get(id) === undefined) {
        await run.place.cancel(id, this.#options.failoverMs);
      }
    }
  }

  /** Whatever the run says shows that its place is there, too. */
  async *#read({ submission, place }: Run, body: Body): AsyncGenerator<NumberedEvent> {
    const onProgress = (progress: Progress) => {
      place.heard();
      submission.onProgress?.(progress);
    };
    for await (const numbered of readPrediction(body, this.#options, onProgress)) {
      place.heard();
      yield numbered;
    }
  }

  /** Returns whether a function that shuts down canceled it, while another could finish it. */
  #isAbandoned({ canceled }: Run, { event }: NumberedEvent): boolean {
    return event.type === "generation.canceled" && !canceled && this.#functions.length > 1;
  }

  #noProgress(): ProblemError {
    const seconds = this.#options.progressMs / 1_000;
    const detail = `The GPU function sent no event for ${seconds} seconds`;
    return new ProblemError(createProblem("upstream_failed", detail));
  }

  /** Opens a new connection after a loss; null when there is none yet. */
  async #reopen(run: Run, losses: number): Promise<Body | null> {
    const { submission, course, place: lost } = run;
    const { retryPausesMs, staysMax } = this.#options;
    const isAlone = this.#functions.length === 1;
    const stays = isAlone || course.stepped && losses < staysMax;
    // Another function can begin at once.
    if (stays || run.sought) await pause(retryPausesMs[losses] ?? 0);
    run.sought = !stays;
    // Elsewhere the run starts over, and `course` checks that it goes the same way.
    const afterAt = (place: GpuFunction) => place === lost ? course.after : -1;
    const opened = stays
      ? await this.#open(submission, [lost], afterAt)
      : await this.#openAnywhere(submission, await this.#candidates(run), afterAt);
    if (opened.ok) {
      if (opened.value.place !== lost) this.#logMove(submission.id, course.after);
      run.place = opened.value.place;
      return opened.value.body;
    }
    if (!opened.problem.retryable) throw new ProblemError(opened.problem);
    return null;
  }

  /** Reports a refused signature: that function serves nothing until an operator acts. */
  #logRefusal({ url }: GpuFunction, reason: string): void {
    const { host } = new URL(url);
    this.#ports.log({ level: "error", message: `${host} refused a call: ${reason}` });
  }

  /** Ranks the lost function last. */
  async #candidates({ submission, place: lost }: Run): Promise<GpuFunction[]> {
    const ranked = await this.#loads.rank(submission.id);
    return [...ranked.filter((one) => one !== lost), lost];
  }

  #logMove(generation: string, after: number): void {
    const message = `Lost after event ${after}, the run starts over on another GPU function`;
    this.#ports.log({ level: "info", message, generation });
  }
}

const BEST_FIRST = ["READY", "BUSY", "STARTING", "DRAINING"];

/**
 * Picks the problem that a client sees when every function refused: one that will pass goes first.
 */
function worthMost(problems: readonly Problem[]): Problem {
  return problems.find(({ code }) => code === "at_capacity") ??
    problems.find(({ retryable }) => retryable) ?? problems[0] ??
    createProblem("gpu_unavailable", "No GPU function can be reached; try again shortly");
}
