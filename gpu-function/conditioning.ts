/** Which text states condition a step: the plan's phases turned into rows of the denoiser. */
import { type Phase, phaseOfStep, type Plan } from "../contract/mod.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { Timed } from "./onnx/session.ts";
import { type TextStates, transplantEos } from "./text/mod.ts";

/** The states of one step's rows: unconditional first where a step is guided. */
export type ConditioningOfStep = (step: number) => readonly TextStates[];

/** Encodes each different text that the plan's phases need once. */
export async function prepareConditioning(
  plan: Plan,
  { tokenizer, textEncoder }: Pick<LoadedModel, "tokenizer" | "textEncoder">,
): Promise<Timed<ConditioningOfStep>> {
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
  const rows = new Map<Phase, readonly TextStates[]>();
  for (const phase of plan.phases) {
    // The text-free tail is the paper's eq. (9): the empty prompt, whatever the negative prompt says.
    const unconditional = phase.conditioning === "guided" ? plan.negative_prompt : "";
    const states: TextStates[] = [];
    if (phase.conditioning !== "cond") {
      states.push(await encode(tokenizer.tokenize(unconditional).ids));
    }
    if (phase.conditioning !== "null") {
      states.push(await encodePrompt(plan, phase.eos_swapped, encode));
    }
    rows.set(phase, states);
  }
  return { value: (step) => rows.get(phaseOfStep(plan.phases, step)) ?? [], milliseconds };
}

async function encodePrompt(
  { tokens }: Plan,
  eosSwapped: boolean,
  encode: (ids: readonly number[]) => Promise<TextStates>,
): Promise<TextStates> {
  const prompt = await encode(tokens.prompt.map(({ id }) => id));
  if (!eosSwapped || !tokens.eos_swap) return prompt;
  const second = await encode(tokens.eos_swap.map(({ id }) => id));
  return transplantEos(prompt, second, tokens.prompt.map(({ swap_source }) => swap_source));
}
