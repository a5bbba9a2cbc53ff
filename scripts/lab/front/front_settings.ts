/** The ways to spend less on an image that `front` compares. Pure. */
import type { GenerationRequestInput, ModelManifest } from "../../../contract/mod.ts";

export type Controls = Pick<
  GenerationRequestInput,
  "sampler" | "num_inference_steps" | "timestep_spacing" | "cutoff" | "reuse"
>;

export interface FrontSetting {
  readonly label: string;
  readonly family: string;
  readonly controls: Controls;
}

/** Steps as shares of the model's own number, which with DDIM is the whole of the compute. */
const STEP_REDUCTION: Readonly<Record<string, readonly number[]>> = {
  ddim: [1, 0.5, 0.32, 0.24, 0.2],
  dpmpp_2m: [0.4, 0.3, 0.24, 0.2, 0.16, 0.12],
  dpmpp_2m_karras: [0.4, 0.3, 0.24, 0.2, 0.16],
  unipc: [0.4, 0.3, 0.24, 0.2, 0.16, 0.12],
};
const MIXED_SAMPLERS = ["dpmpp_2m_karras", "dpmpp_2m"];
const MIXED_STEPS = [0.2, 0.24, 0.28, 0.32, 0.36, 0.4, 0.5];
const MIXED_GUIDED = [1, 0.7, 0.5];
const MIXED_REUSE = [null, { from: 3, every: 2 }, { from: 4, every: 3 }, { from: 3, every: 3 }];
const PAPER_CUTS = [0.5, 0.6];
const PAPER_REUSE = { from: 3, every: 3 };

/** Few steps are an approximation of many only where they begin at the same noise. */
const SPACING = { timestep_spacing: "trailing" } as const;

/** Solvers of second order hardly move any more beyond so many steps. */
export const REFERENCE_STEPS = 200;

export function referenceOf({ samplers, defaults }: ModelManifest, steps: number): Controls {
  const sampler = MIXED_SAMPLERS.find((name) => samplers.includes(name)) ?? defaults.sampler;
  return { sampler, num_inference_steps: Math.min(REFERENCE_STEPS, 4 * steps), ...SPACING };
}

/** Nothing but fewer steps, guided throughout. */
export function stepReductions({ samplers }: ModelManifest, steps: number): FrontSetting[] {
  return Object.entries(STEP_REDUCTION).filter(([sampler]) => samplers.includes(sampler))
    .flatMap(([sampler, shares]) =>
      countsAt(shares, steps).map((count) => ({
        label: `${sampler} ${count}`,
        family: `${sampler}, fewer steps`,
        controls: { sampler, num_inference_steps: count, ...SPACING },
      }))
    );
}

/** The paper's own setting, the text-free tail of DDIM, and reuse on top of it. */
export function paperSettings({ cuts, samplers }: ModelManifest, steps: number): FrontSetting[] {
  if (!samplers.includes("ddim")) return [];
  const reuses = cuts.length > 0 ? [null, fitted(PAPER_REUSE, steps)] : [null];
  return countsAt(PAPER_CUTS, steps).flatMap((a) =>
    reuses.map((reuse) => ({
      label: `ddim ${steps}, a = ${a}${reuse ? ", reuse" : ""}`,
      family: reuse ? "the paper's tail and reuse" : "the paper's tail",
      controls: {
        ...{ sampler: "ddim", num_inference_steps: steps, ...SPACING, cutoff: { a } },
        ...(reuse ? { reuse } : {}),
      },
    }))
  );
}

/** A solver of second order, perhaps the prompt alone at the end, perhaps reuse. */
export function mixtures({ cuts, samplers }: ModelManifest, steps: number): FrontSetting[] {
  const sampler = MIXED_SAMPLERS.find((name) => samplers.includes(name));
  if (sampler === undefined) return [];
  const all = countsAt(MIXED_STEPS, steps).flatMap((count) =>
    MIXED_GUIDED.flatMap((guided_fraction) =>
      // Guided throughout and without reuse it is a run of fewer steps.
      MIXED_REUSE.filter((reuse) => reuse === null ? guided_fraction < 1 : cuts.length > 0)
        .map((reuse) => {
          const kept = reuse && fitted(reuse, count);
          const guided = guided_fraction === 1 ? "" : `, guided ${guided_fraction}`;
          return {
            label: `${sampler} ${count}${guided}${kept ? reuseLabel(kept) : ""}`,
            family: "mixture",
            controls: {
              ...{ sampler, num_inference_steps: count, ...SPACING },
              ...(guided_fraction === 1 ? {} : { cutoff: { guided_fraction, tail: "cond" } }),
              ...(kept ? { reuse: kept } : {}),
            } satisfies Controls,
          };
        })
    )
  );
  // In very few steps settings of reuse come to the same.
  return [...new Map(all.map((setting) => [setting.label, setting])).values()];
}

function reuseLabel({ from, every }: { readonly from: number; readonly every: number }): string {
  return `, reuse ${from}/${every}`;
}

function fitted({ from, every }: { readonly from: number; readonly every: number }, steps: number) {
  return { from: Math.min(from, steps), every: Math.min(every, steps) };
}

function countsAt(shares: readonly number[], steps: number): number[] {
  return [...new Set(shares.map((share) => Math.max(2, Math.round(share * steps))))];
}

export interface Priced {
  /** Compute as a share of the baseline's. */
  readonly compute: number;
  readonly nearness: number;
}

/** Those of which none other is both cheaper and nearer, from the cheapest on. */
export function paretoFront<S extends Priced>(settings: readonly S[]): S[] {
  const front: S[] = [];
  for (
    const setting of settings.toSorted((a, b) => a.compute - b.compute || b.nearness - a.nearness)
  ) {
    if (setting.nearness > (front.at(-1)?.nearness ?? -Infinity)) front.push(setting);
  }
  return front;
}

/** The nearest that is affordable; undefined where none is. */
export function bestWithin<S extends Priced>(
  settings: readonly S[],
  budget: number,
): S | undefined {
  const affordable = settings.filter(({ compute }) => compute <= budget);
  return affordable.toSorted((a, b) => b.nearness - a.nearness)[0];
}
