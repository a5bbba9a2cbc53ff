/** Which text states condition a step: the plan's phases turned into rows of the denoiser. */
import {
  endGuidance,
  type Phase,
  type Plan,
  seesPrompt,
  stateSources,
} from "../../contract/mod.ts";
import { seededNoise } from "../diffusion/mod.ts";
import type { LoadedModel } from "./loading/loaded_model.ts";
import type { Timed } from "../onnx/turns.ts";
import { assembleStates, type TextStates } from "../text/mod.ts";

/**
 * The states of the rows of each step of a phase: unconditional first where it is guided.
 * @throws RangeError for a phase that the plan cannot come to
 */
export type ConditioningOfPhase = (phase: Phase) => readonly TextStates[];

/** Encodes each different text that the plan's phases need once. */
export async function prepareConditioning(
  plan: Plan,
  { tokenizer, textEncoder }: Pick<LoadedModel, "tokenizer" | "textEncoder">,
): Promise<Timed<ConditioningOfPhase>> {
  const encoded = new Map<string, TextStates>();
  let milliseconds = 0;
  const encode = async (ids: readonly number[]) => {
    const known = encoded.get(ids.join());
    if (known) return known;
    const result = await textEncoder.encode(ids);
    milliseconds += result.milliseconds;
    encoded.set(ids.join(), result.value);
    return result.value;
  };
  const rows = new Map<string, readonly TextStates[]>();
  for (const phase of possiblePhases(plan)) {
    if (rows.has(kindOf(phase))) continue;
    // The text-free tail is the paper's eq. (9): the empty prompt, whatever the negative prompt says.
    const unconditional = phase.conditioning === "guided" ? plan.negative_prompt : "";
    const states: TextStates[] = [];
    if (phase.conditioning !== "cond") {
      states.push(await encode(tokenizer.tokenize(unconditional).ids));
    }
    if (seesPrompt(phase)) {
      states.push(await encodePrompt(plan, phase.eos_swapped, encode));
    }
    rows.set(kindOf(phase), states);
  }
  return {
    value(phase) {
      const states = rows.get(kindOf(phase));
      if (!states) throw new RangeError(`The plan has no ${kindOf(phase)} phase`);
      return states;
    },
    milliseconds,
  };
}

/** The plan's, and those that it may come to by ending guidance as early as its bounds allow. */
function possiblePhases({ phases, cutoff: { auto, guided_from, tail } }: Plan): readonly Phase[] {
  return auto ? [...phases, ...endGuidance(phases, guided_from + auto.min_steps, tail)] : phases;
}

function kindOf({ conditioning, eos_swapped }: Phase): string {
  return eos_swapped ? `swapped ${conditioning}` : conditioning;
}

async function encodePrompt(
  { tokens, seed }: Plan,
  eosSwapped: boolean,
  encode: (ids: readonly number[]) => Promise<TextStates>,
): Promise<TextStates> {
  const sources = stateSources(tokens.prompt, eosSwapped);
  const prompt = await encode(tokens.prompt.map(({ id }) => id));
  const eos_swap = eosSwapped && tokens.eos_swap
    ? await encode(tokens.eos_swap.map(({ id }) => id))
    : null;
  const noise = sources.some(({ from }) => from === "noise")
    ? seededNoise((seed ^ TEXT_NOISE) >>> 0, [prompt.positions, prompt.width]).data
    : null;
  return assembleStates(sources, { prompt, eos_swap, noise });
}

/**
 * Flips half the bits of a seed: the image's own noise begins with the seed itself, and the two must
 * not be one noise. Unit variance is the size of the states too, behind CLIP's last layer norm.
 */
const TEXT_NOISE = 0x9e3779b9;
