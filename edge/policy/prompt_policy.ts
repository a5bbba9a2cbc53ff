/**
 * Refuses prompts that an operator does not want drawn. A refusal names the field but hides the
 * word: the client has its prompt, and naming the word would teach how to respell it.
 */
import {
  createFieldProblem,
  type FieldIssue,
  type GenerationRequest,
  type Problem,
  type SweepRequest,
} from "../../contract/mod.ts";
import { createBlocklist } from "./blocklist.ts";
import type { PolicySettings } from "./policy_settings.ts";

export interface PromptPolicy {
  /** Returns null where the request may be drawn. */
  refusalOf(request: GenerationRequest): Problem | null;
  /** Checks what its branches have in common, and each of them. */
  refusalOfSweep(sweep: SweepRequest): Problem | null;
}

const policies = new WeakMap<PolicySettings, PromptPolicy>();

/** Makes one for each settings object, since Workers ask for it with each request. */
export function promptPolicyOf(settings: PolicySettings): PromptPolicy {
  const policy = policies.get(settings) ?? createPromptPolicy(settings);
  policies.set(settings, policy);
  return policy;
}

function createPromptPolicy({ blocklist, leet }: PolicySettings): PromptPolicy {
  const blocked = createBlocklist(blocklist, { leet });

  function issuesOf(request: GenerationRequest, place: string): FieldIssue[] {
    return drawnTexts(request).filter(([, text]) => blocked.isIn(text))
      .map(([field]) => refusedIssue(place + field));
  }

  function refuseFor(issues: readonly FieldIssue[]): Problem | null {
    const once = new Map(issues.map((issue) => [issue.field, issue]));
    return once.size > 0 ? createFieldProblem("prompt_refused", [...once.values()]) : null;
  }

  return {
    refusalOf: (request) => refuseFor(issuesOf(request, "")),
    refusalOfSweep: ({ base, branches }) =>
      refuseFor([base, ...branches].flatMap((request) => issuesOf(request, "base."))),
  };
}

/** A negative prompt steers away from what it says, so it may contain blocked words. */
function drawnTexts(
  { prompt, eos_swap }: GenerationRequest,
): readonly (readonly [field: string, text: string])[] {
  const drawn = [["prompt", prompt]] as const;
  return eos_swap ? [...drawn, ["eos_swap.prompt", eos_swap.prompt]] : drawn;
}

const ALLOWED = "text that the policy of this service accepts";
const GIVEN = "text that it refuses";

/** The issue leaves out the prompt, since problems are stored and logged. */
function refusedIssue(field: string): FieldIssue {
  const message = `${field} must be ${ALLOWED}, given ${GIVEN}`;
  return { field, allowed: ALLOWED, given: GIVEN, message };
}
