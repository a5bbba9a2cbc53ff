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
import { createBlocklist, FOLDED_LENGTH_MAX, type Verdict } from "./blocklist.ts";
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

  /** Looks at a text once, however many branches of a sweep have it. */
  function createReader(): (text: string) => Verdict {
    const verdicts = new Map<string, Verdict>();
    return (text) => {
      const verdict = verdicts.get(text) ?? blocked.look(text).verdict;
      verdicts.set(text, verdict);
      return verdict;
    };
  }

  function issuesOf(requests: readonly GenerationRequest[], place: string): FieldIssue[] {
    const read = createReader();
    return requests.flatMap(drawnTexts).flatMap(([field, text]) => {
      const verdict = read(text);
      return verdict === "passes" ? [] : [refusedIssue(place + field, verdict)];
    });
  }

  function refuseFor(issues: readonly FieldIssue[]): Problem | null {
    const once = new Map(issues.map((issue) => [issue.field, issue]));
    return once.size > 0 ? createFieldProblem("prompt_refused", [...once.values()]) : null;
  }

  return {
    refusalOf: (request) => refuseFor(issuesOf([request], "")),
    refusalOfSweep: ({ base, branches }) => refuseFor(issuesOf([base, ...branches], "base.")),
  };
}

/** A negative prompt steers away from what it says, so it may contain blocked words. */
function drawnTexts(
  { prompt, eos_swap }: GenerationRequest,
): readonly (readonly [field: string, text: string])[] {
  const drawn = [["prompt", prompt]] as const;
  return eos_swap ? [...drawn, ["eos_swap.prompt", eos_swap.prompt]] : drawn;
}

const REASONS: Readonly<Record<Exclude<Verdict, "passes">, Pick<FieldIssue, "allowed" | "given">>> =
  {
    blocked: {
      allowed: "text that the policy of this service accepts",
      given: "text that it refuses",
    },
    unreadable: {
      allowed:
        `text that its policy can read in full: at most ${FOLDED_LENGTH_MAX} characters with ` +
        "ligatures written out, and few signs in a row that may stand for letters",
      given: "text with more readings than that",
    },
  };

/** The issue leaves out the prompt, since problems are stored and logged. */
function refusedIssue(field: string, verdict: Exclude<Verdict, "passes">): FieldIssue {
  const { allowed, given } = REASONS[verdict];
  return { field, allowed, given, message: `${field} must be ${allowed}, given ${given}` };
}
