/** Lists the experiments: the paper's in the order of `deno task lab all`, where later ones reuse images. */
import type { Experiment } from "./experiments/experiment.ts";
import { attention } from "./measurements/attention.ts";
import { auto } from "./measurements/auto.ts";
import { cutoff } from "./measurements/cutoff.ts";
import { eosCount } from "./measurements/eos_count.ts";
import { eosSwap } from "./measurements/eos_swap.ts";
import { eosWindow } from "./measurements/eos_window.ts";
import { front } from "./front/front.ts";
import { frequency } from "./measurements/frequency.ts";
import { textWindow } from "./measurements/text_window.ts";
import { tokenClasses } from "./measurements/token_classes.ts";

export const PAPER_EXPERIMENTS: readonly Experiment[] = [
  eosSwap,
  eosWindow,
  eosCount,
  textWindow,
  tokenClasses,
  cutoff,
  attention,
  frequency,
  auto,
];

/** With those of our own, which take longer. */
export const EXPERIMENTS: readonly Experiment[] = [...PAPER_EXPERIMENTS, front];
