/**
 * A sweep as it arrives: one generation request, and what is varied in it. Each branch is a
 * generation request of its own, checked by the same rules and refused under the sweep's own paths.
 */
import * as v from "valibot";
import {
  type GenerationRequest,
  type OwnedRequest,
  parseGenerationRequest,
} from "../request/generation_request.ts";
import { arraysForObjects, rulesOf } from "../request/field.ts";
import { LIMITS } from "../limits.ts";
import {
  accept,
  createFieldProblem,
  cutText,
  type FieldIssue,
  fieldIssue,
  type Parsed,
  refuse,
  unknownFieldIssue,
} from "../problem.ts";
import { SWEEP_AXES, type SweepAxis } from "./sweep_axis.ts";

export interface SweepRequest {
  readonly base: GenerationRequest;
  readonly axis: SweepAxis;
  /** The base with one setting of the axis each, in the order given. */
  readonly branches: readonly OwnedRequest[];
}

const listOf = (settings: string) =>
  v.optional(
    v.pipe(
      v.array(v.unknown()),
      v.minLength(LIMITS.sweepBranchesMin),
      v.maxLength(LIMITS.sweepBranchesMax),
      v.description(
        `a list of ${LIMITS.sweepBranchesMin} to ${LIMITS.sweepBranchesMax} ${settings}`,
      ),
    ),
  );

const sweepRequest = v.pipe(
  v.strictObject({
    base: v.pipe(
      v.looseObject({}),
      v.description("a JSON object, the request that the branches have in common"),
    ),
    cutoffs: listOf("cutoffs"),
    tails: listOf("tails"),
    eos_windows: listOf("windows"),
  }),
  v.check((sweep) => SWEEP_AXES.filter((axis) => sweep[axis] !== undefined).length === 1),
  v.description(`a JSON object with a base and exactly one of ${SWEEP_AXES.join(", ")}`),
);

/** Exported for the OpenAPI document. */
export { sweepRequest as sweepRequestSchema };

type SweepBody = v.InferOutput<typeof sweepRequest>;

/** What each of the sweep's own fields allows, in words. */
export const SWEEP_RULES = rulesOf(sweepRequest);

/** Parses a body of any shape. Every wrong field is named, with what it allows and was given. */
export function parseSweepRequest(input: unknown): Parsed<SweepRequest> {
  const arrays = arraysForObjects(input, SWEEP_RULES);
  if (arrays.length > 0) return refuse(createFieldProblem("invalid_request", arrays));
  const body = v.safeParse(sweepRequest, input);
  if (!body.success) {
    return refuse(createFieldProblem("invalid_request", shellIssues(body.issues)));
  }
  const base = parseGenerationRequest(body.output.base);
  if (!base.ok) return refuse(inBase(base.problem.errors ?? []));
  const axis = SWEEP_AXES.find((name) => body.output[name] !== undefined) ?? "cutoffs";
  const missing = missingInBase(axis, body.output.base);
  if (missing) return refuse(createFieldProblem("invalid_request", [missing]));
  const branches = parseBranches(axis, body.output);
  return branches.ok ? accept({ base: base.value, axis, branches: branches.value }) : branches;
}

function shellIssues(issues: readonly v.BaseIssue<unknown>[]): FieldIssue[] {
  return issues.map((issue) => {
    const field = cutText(v.getDotPath(issue) ?? "");
    if (issue.expected === "never") {
      return unknownFieldIssue(field, ["base", ...SWEEP_AXES], issue.input);
    }
    const allowed = SWEEP_RULES[field] ?? "absent";
    const given = Array.isArray(issue.input) ? `${issue.input.length} of them` : undefined;
    const shown = given
      ? { field, allowed, given, message: `${field} must be ${allowed}, given ${given}` }
      : fieldIssue(field || "body", allowed, issue.input);
    return { ...shown, field };
  });
}

/** A tail needs the cutoff that it follows; a window needs the prompt that it swaps in. */
function missingInBase(axis: SweepAxis, base: Readonly<Record<string, unknown>>) {
  if (axis === "tails" && base.cutoff === undefined) {
    return fieldIssue("base.cutoff", "present where tails are varied", undefined);
  }
  if (axis === "eos_windows" && base.eos_swap === undefined) {
    return fieldIssue("base.eos_swap", "present where eos_windows are varied", undefined);
  }
  return null;
}

function parseBranches(axis: SweepAxis, body: SweepBody): Parsed<GenerationRequest[]> {
  const branches: GenerationRequest[] = [];
  const issues: FieldIssue[] = [];
  for (const [i, setting] of (body[axis] ?? []).entries()) {
    const window = axis === "eos_windows" ? windowIssues(i, setting) : [];
    issues.push(...window);
    if (window.length > 0) continue;
    const request = parseGenerationRequest(applySetting(axis, setting, body.base));
    if (request.ok) branches.push(request.value);
    else issues.push(...placeBranchIssues(axis, i, request.problem.errors ?? []));
  }
  if (issues.length === 0) return accept(branches);
  return refuse(createFieldProblem("invalid_request", issues));
}

function applySetting(axis: SweepAxis, setting: unknown, base: Readonly<Record<string, unknown>>) {
  if (axis === "cutoffs") return { ...base, cutoff: setting };
  if (axis === "tails") return { ...base, cutoff: { ...Object(base.cutoff), tail: setting } };
  return { ...base, eos_swap: { ...Object(base.eos_swap), ...Object(setting) } };
}

/** A window has no other fields, so that it cannot replace more of the swap. */
function windowIssues(i: number, window: unknown): FieldIssue[] {
  const isObject = typeof window === "object" && window !== null && !Array.isArray(window);
  const names = isObject ? Object.keys(window).sort().join() : "";
  if (names === "from,to") return [];
  return [fieldIssue(`eos_windows.${i}`, "an object with the steps from and to", window)];
}

/**
 * Moves the issues of a branch's request to the paths of the sweep: those of its setting to the
 * setting's place in the list, all others to `base`.
 */
export function placeBranchIssues(
  axis: SweepAxis,
  i: number,
  issues: readonly FieldIssue[],
): FieldIssue[] {
  const [from, isSetting] = {
    cutoffs: ["cutoff", /^cutoff(\.|$)/],
    tails: ["cutoff.tail", /^cutoff\.tail$/],
    eos_windows: ["eos_swap", /^eos_swap\.(from|to)$/],
  }[axis] as [string, RegExp];
  const to = `${axis}.${i}`;
  return issues.map((issue) => {
    if (!isSetting.test(issue.field)) return placeInBase(issue);
    const move = (text: string) =>
      text.replaceAll(`${from}.`, `${to}.`).replace(new RegExp(`^${from}(?= )`), to);
    const field = issue.field.replace(from, to);
    return { ...issue, field, allowed: move(issue.allowed), message: move(issue.message) };
  });
}

function placeInBase(issue: FieldIssue): FieldIssue {
  if (issue.field === "") {
    return { ...issue, field: "base", message: issue.message.replace(/^body/, "base") };
  }
  return { ...issue, field: `base.${issue.field}`, message: `base.${issue.message}` };
}

function inBase(issues: readonly FieldIssue[]) {
  return createFieldProblem("invalid_request", issues.map(placeInBase));
}
