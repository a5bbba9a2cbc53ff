/**
 * The paper's experiments in the order of `deno task lab all`: what several of them draw is drawn by the
 * first. A new one is a file of `experiments/` and its name here.
 */
export const PAPER_ORDER: readonly string[] = [
  "eos-swap",
  "eos-window",
  "eos-count",
  "text-window",
  "token-classes",
  "cutoff",
  "attention",
  "frequency",
  "auto",
];
