/** U-Net or transformer: rows of (x, timestep, text states) to rows of model outputs. */
import { type DenoiserForm, shallowGraph, wholeGraph } from "./denoiser_form.ts";
import { takesTimestepPerRow } from "./denoiser_feeds.ts";
import { createDenoiserGraph, type DenoiserGraph } from "./denoiser_graph.ts";
import type { DenoiserOutputs, DenoiserRow } from "./denoiser_row.ts";
import { proveShallow } from "./shallow_proof.ts";
import type { Latents } from "../../diffusion/mod.ts";
import { type LoadingOptions, loadSession, type OnnxSession } from "../session.ts";
import { depthOf, groupRows } from "./row_groups.ts";

export interface Denoiser {
  /** Those that are loaded: the whole graph, then shallow ones, which come when they are first asked for. */
  readonly sessions: readonly [OnnxSession, ...OnnxSession[]];
  /** Outputs in the order of the rows, which share the shape of x and of the states. */
  run(rows: readonly DenoiserRow[]): Promise<DenoiserOutputs>;
}

export interface DenoiserOptions extends LoadingOptions {
  /**
   * Whether a row's company may not change its last bits: rows then share a batch only where that
   * is proven. Otherwise they share it in any case, which rounds differently.
   */
  readonly exact: boolean;
  /** Rows in one batch at most; by default one where bits count, else any number. */
  readonly rowsMax?: number;
}

/** @throws RangeError naming the file and what is wrong with its inputs, outputs, taps or cuts */
export async function loadDenoiser(
  file: string,
  form: DenoiserForm,
  options: DenoiserOptions,
): Promise<Denoiser> {
  const loading = { ...options, stepping: true };
  const session = await loadSession(file, wholeGraph(form), loading);
  const perRow = takesTimestepPerRow(session);
  const { taps = [], cuts = [] } = form;
  const { exact, rowsMax = exact ? 1 : Infinity } = options;
  const whole = createDenoiserGraph(session, { form, exact });
  const sessions: [OnnxSession, ...OnnxSession[]] = [session];
  const shallow = new Map<number, DenoiserGraph>();

  /** @param row the first one of this depth, with which the graph is proven */
  async function graphFor(row: DenoiserRow): Promise<DenoiserGraph> {
    const depth = depthOf(row);
    const known = depth === 0 ? whole : shallow.get(depth);
    if (known) return known;
    const cut = cuts[depth - 1];
    const type = cut === undefined ? undefined : session.outputType(cut);
    if (cut === undefined || type === undefined) {
      throw new RangeError(`${file} has ${cuts.length} cuts, so none of depth ${depth}`);
    }
    const loaded = await loadSession(file, shallowGraph(form, cut, type), loading);
    sessions.push(loaded);
    const graph = createDenoiserGraph(loaded, { form, exact });
    await proveShallow(`${file}, cut at ${cut}`, { whole, shallow: graph, row });
    shallow.set(depth, graph);
    return graph;
  }

  return {
    sessions,
    async run(rows) {
      const value: Latents[] = [];
      const attention = new Array<readonly Latents[] | null>(rows.length).fill(null);
      const features = new Array<Latents | null>(rows.length).fill(null);
      let milliseconds = 0;
      for (const group of groupRows(rows, { perRow, rowsMax })) {
        const grouped = group.map(({ row }) => row);
        const outputs = await (await graphFor(grouped[0]!)).run(grouped);
        milliseconds += outputs.milliseconds;
        for (const [i, { index }] of group.entries()) {
          value[index] = outputs.value[i]!;
          attention[index] = outputs.attention[i] ?? null;
          features[index] = outputs.features[i] ?? null;
        }
      }
      return {
        value,
        milliseconds,
        ...(taps.length > 0 ? { attention } : {}),
        ...(cuts.length > 0 ? { features } : {}),
      };
    },
  };
}
