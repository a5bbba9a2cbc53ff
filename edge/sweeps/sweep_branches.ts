/** Submits the branches of a sweep as ordinary generations, and follows them to their ends. */
import {
  accept,
  createProblem,
  type GenerationEvent,
  type NumberedEvent,
  type Parsed,
  ProblemError,
  refuse,
} from "../../contract/mod.ts";
import { forSweep } from "../callers/on_behalf_of.ts";
import { roomUrl } from "../callers/private_results.ts";
import { pause } from "../clock.ts";
import type { AnswerPorts } from "../generations/generation_answer.ts";
import { type GenerationStream, openGeneration } from "../generations/generation_stream.ts";
import { goesOn } from "../rooms/room_routes.ts";
import { remember, type RoomStore } from "../rooms/room_store.ts";
import type { BranchRun } from "./branch_run.ts";
import type { PlacedEvent } from "./interleaving.ts";
import { saveProgress } from "./sweep_memory.ts";
import { progressOf, type SweepRun } from "./sweep_run.ts";

/** A GPU function runs as many by default: branches must not fill its queue for others. */
const BRANCHES_AT_ONCE = 4;
/** Pauses before a branch that was refused for the moment is submitted again. */
const REFUSED_PAUSES_MS = [250, 1_000, 4_000];

/** Keeps all of its state in the run. */
export class SweepBranches {
  readonly #ports: AnswerPorts & { readonly store: RoomStore };
  readonly #run: SweepRun;

  constructor(ports: AnswerPorts & { readonly store: RoomStore }, run: SweepRun) {
    this.#ports = ports;
    this.#run = run;
  }

  open({ branch, leave: { signal } }: BranchRun): Promise<Parsed<GenerationStream>> {
    const { origin: asked, plan } = this.#run.submission;
    const origin = forSweep(asked, plan.id);
    return openGeneration(this.#ports, { ...branch, origin }, { signal });
  }

  /** Resolves when each branch has ended. @param first the first branch's stream, already open */
  async follow(first: GenerationStream): Promise<void> {
    const waiting = this.#run.branches.filter(({ branch }) => branch.same_as === null).values();
    const work = async () => {
      for (const branch of waiting) await this.#follow(branch, branch.index === 0 ? first : null);
    };
    await Promise.all(Array.from({ length: BRANCHES_AT_ONCE }, work));
  }

  /** Gives up the generations of the branches; those that others have asked for as well go on. */
  async cancel(): Promise<Parsed<null>> {
    this.#run.canceled = true;
    this.#note();
    const running = this.#run.branches
      .filter(({ end, begunHere }) => end === null && begunHere !== null);
    const left = await Promise.all(running.map((branch) => this.#leave(branch)));
    return left.find((parsed) => !parsed.ok) ?? accept(null);
  }

  /**
   * Follows a branch from its submission to its terminal event. A failure stays within the branch.
   */
  async #follow(branch: BranchRun, opened: GenerationStream | null): Promise<void> {
    const finish = (event: GenerationEvent) => {
      if (branch.end === null) this.#take(branch, { id: branch.lastId + 1, event });
    };
    try {
      const stream = opened ?? await this.#openPatiently(branch);
      if (stream) {
        branch.begunHere ||= stream.cache === "miss";
        if (this.#run.canceled) await this.#leave(branch);
        for await (const numbered of stream.events) this.#take(branch, numbered);
      }
      finish({ type: "generation.canceled", evaluations: branch.spent });
    } catch (cause) {
      const error = cause instanceof ProblemError
        ? cause.problem
        : createProblem("upstream_failed", "The generation's events could not be read");
      const generation = branch.branch.plan.id;
      this.#ports.log({ level: "error", message: error.detail, generation, cause });
      finish({ type: "generation.failed", error });
    }
    this.#append(this.#run.interleaving.end(branch.index));
  }

  /**
   * Returns null where the sweep was canceled before. @throws ProblemError when the branch is
   * refused
   */
  async #openPatiently(branch: BranchRun): Promise<GenerationStream | null> {
    for (const ms of [...REFUSED_PAUSES_MS, null]) {
      if (this.#run.canceled) return null;
      const opened = await this.open(branch);
      if (opened.ok) return opened.value;
      if (!opened.problem.retryable || ms === null) throw new ProblemError(opened.problem);
      await pause(ms);
    }
    return null;
  }

  #take(branch: BranchRun, { id, event: received }: NumberedEvent): void {
    // What this sweep began is not a cache hit, even if a later connection reads it from there.
    const event = received.type === "generation.completed" && branch.begunHere
      ? { ...received, cached: false }
      : received;
    branch.take(id, event);
    this.#append(this.#run.interleaving.offer(branch.index, { id, event }));
  }

  #append(placed: readonly PlacedEvent[]): void {
    if (placed.length === 0) return;
    this.#note();
    for (const { place, branch, event } of placed) {
      this.#run.log.append({ id: place + 1, event: { type: "sweep.event", branch, event } });
    }
  }

  /** Saves in the background, while events go on. */
  #note(): void {
    const { store, log, keepAlive } = this.#ports;
    const sweep = this.#run.submission.plan.id;
    const progress = progressOf(this.#run);
    keepAlive(remember(log, { sweep }, () => saveProgress(store, progress)));
  }

  async #leave({ branch, index, leave }: BranchRun): Promise<Parsed<null>> {
    const { origin: { account }, plan } = this.#run.submission;
    const url = roomUrl("/cancel", account);
    url.searchParams.set("sweep", plan.id);
    const response = await this.#ports.rooms.fetch(
      branch.plan.id,
      new Request(url, { method: "POST" }),
    );
    await response.body?.cancel();
    // A room that was lost with its process may not know of every asker.
    if (goesOn(response) || response.status === 403) leave.abort();
    // 404 and 409 mean that it has ended meanwhile, as its events will say.
    if (response.ok || [403, 404, 409].includes(response.status)) return accept(null);
    const detail = `Branch ${index} could not be canceled, and goes on`;
    return refuse(createProblem("gpu_unavailable", detail));
  }
}
