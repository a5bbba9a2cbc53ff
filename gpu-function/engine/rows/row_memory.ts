/**
 * What the denoiser gave lately, by what it was given. Generations that begin alike (a sweep's branches,
 * one prompt with another cutoff) ask for equal rows; each is evaluated once.
 */
import { createHash } from "node:crypto";
import { areFinite, type Latents } from "../../diffusion/mod.ts";
import type { Denoiser } from "../../onnx/denoiser/denoiser.ts";
import type {
  DenoiserOutputs,
  DenoiserRow,
  FeatureReuse,
} from "../../onnx/denoiser/denoiser_row.ts";
import type { EncodedText } from "../../text/mod.ts";

/** What the denoiser gave for a row: its output, and deep features where they were asked for. */
export interface RememberedRow {
  readonly output: Latents;
  readonly features: Latents | null;
}

export class RowMemory {
  readonly #bytesMax: number;
  /** Least recently used first. */
  readonly #rows = new Map<string, RememberedRow>();
  #bytes = 0;

  /** @param bytesMax of the outputs and features held */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  find(key: string): RememberedRow | undefined {
    const row = this.#rows.get(key);
    if (!row) return undefined;
    this.#rows.delete(key);
    this.#rows.set(key, row);
    return row;
  }

  /** Passes over what is not finite, since a retry is to be evaluated anew, and what is too large. */
  keep(key: string, row: RememberedRow): void {
    if (this.#rows.has(key) || bytesOf(row) > this.#bytesMax) return;
    if (!areFinite(row.output)) return;
    this.#rows.set(key, row);
    this.#bytes += bytesOf(row);
    for (const [oldest, old] of this.#rows) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#rows.delete(oldest);
      this.#bytes -= bytesOf(old);
    }
  }
}

function bytesOf({ output, features }: RememberedRow): number {
  return output.data.byteLength + (features?.data.byteLength ?? 0);
}

/**
 * The same denoiser, which looks into `memory` first. A row is known by every byte that it is made of,
 * so an output from memory is the one that the model would give: with rows run alone bit for bit, else
 * as a batch of other company rounds it.
 *
 * @param model the digest of the package, since one memory serves all models
 */
export function rememberRows(denoiser: Denoiser, model: string, memory: RowMemory): Denoiser {
  const keyOf = createRowKeys(model);
  return {
    sessions: denoiser.sessions,
    async run(rows) {
      const keys = rows.map(keyOf);
      const known = keys.map((key, i) => rows[i]?.tapped ? undefined : memory.find(key));
      const asked = new Map<string, { readonly row: DenoiserRow; readonly place: number }>();
      // Attention is not remembered, so a row that wants it is evaluated whoever else knows its output.
      const nameOf = (i: number) => `${keys[i]}${rows[i]?.tapped ? " tapped" : ""}`;
      const fresh = rows.map((row, i) => {
        if (known[i] || asked.has(nameOf(i))) return false;
        asked.set(nameOf(i), { row, place: asked.size });
        return true;
      });
      const { value, milliseconds, attention, features } = asked.size > 0
        ? await denoiser.run([...asked.values()].map(({ row }) => row))
        : NOTHING;
      const places = rows.map((_, i) => asked.get(nameOf(i))?.place ?? -1);
      const given = places.map((place, i) => {
        const output = value[place];
        const evaluated = output && { output, features: features?.[place] ?? null };
        return present(known[i] ?? evaluated);
      });
      for (const [i, key] of keys.entries()) if (!known[i]) memory.keep(key, present(given[i]));
      return {
        value: given.map(({ output }) => output),
        milliseconds,
        fresh,
        features: given.map(({ features }) => features),
        ...(attention ? { attention: places.map((place) => attention[place] ?? null) } : {}),
      };
    },
  };
}

const NOTHING: DenoiserOutputs = { value: [], milliseconds: 0 };

function present(row: RememberedRow | undefined): RememberedRow {
  if (!row) throw new Error("The denoiser left a row out");
  return row;
}

/** Text states are hashed once each: they stay the same objects from step to step. */
function createRowKeys(model: string): (row: DenoiserRow) => string {
  const digests = new WeakMap<EncodedText, string>();
  const digestOf = (states: EncodedText) => {
    const known = digests.get(states);
    if (known) return known;
    const { sequence: { data, width, mask }, pooled } = states;
    const ofPooled = pooled ? sha256(pooled, "pooled") : "";
    const digest = sha256(data, `${width} ${mask?.join("") ?? ""} ${ofPooled}`);
    digests.set(states, digest);
    return digest;
  };
  return ({ x, timestep, states, reuse }) => {
    const label = `${x.shape.join("x")} ${timestep} ${model} ${digestOf(states)}`;
    return sha256(x.data, reuse ? `${label} ${reuseKey(reuse)}` : label);
  };
}

/** A row that gives features is another than the same one without, and one that takes some another again. */
function reuseKey({ depth, features }: FeatureReuse): string {
  return `${depth} ${features ? sha256(features.data, features.shape.join("x")) : "new"}`;
}

function sha256(values: Float32Array, label: string): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return createHash("sha256").update(bytes).update(label).digest("base64");
}
