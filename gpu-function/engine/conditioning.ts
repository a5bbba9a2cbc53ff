/** Which text states condition a step: the plan's phases turned into rows of the denoiser. */
import {
  endGuidance,
  type Phase,
  type Plan,
  type PromptToken,
  seesPrompt,
  stateSources,
} from "../../contract/mod.ts";
import { seededNoise } from "../diffusion/mod.ts";
import type { LoadedModel, LoadedText } from "./loading/loaded_model.ts";
import type { Timed } from "../onnx/inference/turns.ts";
import { assembleStates, type EncodedText } from "../text/mod.ts";

/**
 * The states of the rows of each step of a phase: unconditional first where it is guided.
 * @throws RangeError for a phase that the plan cannot come to
 */
export type ConditioningOfPhase = (phase: Phase) => readonly EncodedText[];

/** A text as it is encoded, by each part of the model in its own tokens. */
interface Words {
  readonly text: string;
  readonly repeats?: number;
  /** The first part's, where the plan has them. */
  readonly tokens?: readonly PromptToken[];
}

/** Encodes each different text that the plan's phases need once. */
export async function prepareConditioning(
  plan: Plan,
  { text: parts, family }: Pick<LoadedModel, "text" | "family">,
): Promise<Timed<ConditioningOfPhase>> {
  const [first, ...others] = parts;
  const encoded = new Map<string, EncodedText>();
  let milliseconds = 0;
  const encodeWith = async ({ encoder }: LoadedText, ids: readonly number[]) => {
    const result = await encoder.encode(ids);
    milliseconds += result.milliseconds;
    return result.value;
  };
  const encode = async ({ text, repeats, tokens }: Words) => {
    const idsOf = ({ tokenizer }: LoadedText) => tokenizer.tokenize(text, repeats).ids;
    const ids = tokens?.map(({ id }) => id) ?? idsOf(first);
    const further = others.map((part) => ({ part, ids: idsOf(part) }));
    const key = [ids, ...further.map(({ ids }) => ids)].join(" ");
    const known = encoded.get(key);
    if (known) return known;
    const all: [EncodedText, ...EncodedText[]] = [await encodeWith(first, ids)];
    for (const { part, ids } of further) all.push(await encodeWith(part, ids));
    const joined = family.joinText(all);
    encoded.set(key, joined);
    return joined;
  };
  const rows = new Map<string, readonly EncodedText[]>();
  for (const phase of possiblePhases(plan)) {
    if (rows.has(kindOf(phase))) continue;
    // The text-free tail is the paper's eq. (9): the empty prompt, whatever the negative prompt says.
    const unconditional = phase.conditioning === "guided" ? plan.negative_prompt : "";
    const states: EncodedText[] = [];
    if (phase.conditioning !== "cond") {
      states.push(await encode({ text: unconditional }));
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

/** The pooled vector stays the prompt's own: what is put in place are states of positions. */
async function encodePrompt(
  { prompt: text, semantic_repeats: repeats, eos_swap: swap, tokens, seed }: Plan,
  eosSwapped: boolean,
  encode: (words: Words) => Promise<EncodedText>,
): Promise<EncodedText> {
  const sources = stateSources(tokens.prompt, eosSwapped);
  const prompt = await encode({ text, repeats, tokens: tokens.prompt });
  const other = eosSwapped && swap && tokens.eos_swap
    ? await encode({ text: swap.prompt, tokens: tokens.eos_swap })
    : null;
  const { positions, width } = prompt.sequence;
  const noise = sources.some(({ from }) => from === "noise")
    ? seededNoise((seed ^ TEXT_NOISE) >>> 0, [positions, width]).data
    : null;
  const supply = { prompt: prompt.sequence, eos_swap: other?.sequence ?? null, noise };
  return { ...prompt, sequence: assembleStates(sources, supply) };
}

/**
 * Flips half the bits of a seed: the image's own noise begins with the seed itself, and the two must
 * not be one noise. The states have unit variance too, after CLIP's last layer norm.
 */
const TEXT_NOISE = 0x9e3779b9;
