/**
 * The room of one sweep: it submits the branches as ordinary generations, follows them and merges
 * their events into one log, which it alone numbers.
 */
import {
  accept,
  extraEvaluations,
  extraSpent,
  joinInsights,
  type Parsed,
  type SweepEvent,
  type SweepOutcome,
  type SweepPlan,
} from "../../contract/mod.ts";
import type { Sweeps } from "../../db/sweep_queries.ts";
import type { AnswerPorts } from "../generations/generation_answer.ts";
import { Room, type RoomPorts } from "../rooms/room.ts";
import { remember } from "../rooms/room_store.ts";
import { tolerate } from "../rooms/tolerated_failure.ts";
import { lacksBranches } from "./stored_sweep.ts";
import { SweepBranches } from "./sweep_branches.ts";
import { breakSweep, concludeSweep } from "./sweep_end.ts";
import type { SweepEnd } from "./sweep_log.ts";
import { recallSweep, saveSweep, type SweepSubmission } from "./sweep_memory.ts";
import { createSweepRun, hasFailed, type SweepRun } from "./sweep_run.ts";

export interface SweepRoomPorts extends RoomPorts, AnswerPorts {
  readonly sweeps: Pick<Sweeps, "write">;
  /** Called after the terminal event has reached the readers. Its failure is logged. */
  readonly afterSweepEnd: (run: SweepRun) => Promise<void>;
}

export type SweepRoom = Room<SweepRun>;

export function createSweepRoom(ports: SweepRoomPorts): SweepRoom {
  return new Room<SweepRun>({
    subject: (id) => ({ sweep: id }),
    // A sweep is charged once, for the rows that its branches cost together.
    evaluations: ({ plan }) => plan.evaluations.together + extraOf(plan),
    spent: ({ submission: { plan } }, { event }) => {
      const done = event.evaluations.spent;
      const isWhole = event.type === "sweep.completed";
      const { together: planned } = plan.evaluations;
      return done + extraSpent(extraOf(plan), { done, planned, isWhole });
    },
    create: createSweepRun,
    open: (run) => open(ports, run),
    breakOff(run, cause) {
      const sweep = run.submission.plan.id;
      ports.log({ level: "error", message: "A sweep broke", sweep, cause });
      return breakSweep(run);
    },
    cancel: (run) => new SweepBranches(ports, run).cancel(),
    afterEnd: ports.afterSweepEnd,
    hasFailed,
    lacks: ({ branches }, { plan }) =>
      lacksBranches(branches.map(({ branch }) => branch.plan), plan),
    withAll,
    recall: async () => ({ cutOff: await recallSweep(ports.store) }),
  }, ports);
}

/** Refuses a sweep whose first branch is refused, before any event. */
async function open(
  ports: SweepRoomPorts,
  run: SweepRun,
): Promise<Parsed<() => Promise<SweepEnd>>> {
  const { submission, branches: [first], log } = run;
  const { plan } = submission;
  if (!first) throw new RangeError(`Sweep ${plan.id} has no branches`);
  const following = new SweepBranches(ports, run);
  const opened = await following.open(first);
  if (!opened.ok) return opened;
  await remember(ports.log, { sweep: plan.id }, () => saveSweep(ports.store, submission));
  log.append({ id: 0, event: plannedEvent(plan) });
  return accept(async () => {
    await following.follow(opened.value);
    return await concludeSweep(run, (outcome) => persist(ports, run, outcome));
  });
}

function withAll(asked: SweepSubmission, { branches }: SweepRun): SweepSubmission {
  const joined = asked.plan.branches.map((branch, i) => ({
    ...branch,
    ...joinInsights(branch, branches[i]?.branch.plan ?? branch.plan),
  }));
  return { ...asked, plan: { ...asked.plan, branches: joined } };
}

/** Branches share rows, but each shows its own. */
function extraOf({ branches }: SweepPlan): number {
  return branches.filter(({ same_as }) => same_as === null)
    .reduce((sum, { plan }) => sum + extraEvaluations(plan), 0);
}

function plannedEvent({ id, axis, branches, evaluations }: SweepPlan): SweepEvent {
  const shown = branches.map(({ label, same_as, plan }) => ({ label, same_as, plan }));
  return { type: "sweep.planned", id, axis, branches: shown, evaluations };
}

/** Stores before the end reaches a reader, so that the sweep can be looked up by then. */
function persist(
  { sweeps, now, log }: SweepRoomPorts,
  { submission: { plan }, interleaving }: SweepRun,
  outcome: SweepOutcome,
): Promise<void> {
  const { id, axis, evaluations: planned } = plan;
  const branches = plan.branches.map(({ plan: { id }, label, same_as }) => ({
    id,
    label,
    same_as,
  }));
  const sweep = { id, axis, branches, planned, event_order: interleaving.order, outcome };
  const record = { message: "Storing a sweep failed", sweep: id };
  return tolerate(log, record, () => sweeps.write(sweep, now()));
}
