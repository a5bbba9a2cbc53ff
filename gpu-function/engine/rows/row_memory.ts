/**
 * What the denoiser gave lately, by what it was given. Generations that begin alike (a sweep's branches,
 * one prompt with another cutoff) ask for equal rows; each is evaluated once.
 */
import { createHash } from "node:crypto";
import { areFinite, type Latents } from "../../diffusion/mod.ts";
import type { Denoiser, DenoiserRow } from "../../onnx/denoiser.ts";
import type { EncodedText } from "../../text/mod.ts";

export class RowMemory {
  readonly #bytesMax: number;
  /** Least recently used first. */
  readonly #outputs = new Map<string, Latents>();
  #bytes = 0;

  /** @param bytesMax of the outputs held */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  find(key: string): Latents | undefined {
    const output = this.#outputs.get(key);
    if (!output) return undefined;
    this.#outputs.delete(key);
    this.#outputs.set(key, output);
    return output;
  }

  /** Passes over what is not finite, since a retry is to be evaluated anew, and what is too large. */
  keep(key: string, output: Latents): void {
    if (this.#outputs.has(key) || output.data.byteLength > this.#bytesMax) return;
    if (!areFinite(output)) return;
    this.#outputs.set(key, output);
    this.#bytes += output.data.byteLength;
    for (const [oldest, { data }] of this.#outputs) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#outputs.delete(oldest);
      this.#bytes -= data.byteLength;
    }
  }
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
    session: denoiser.session,
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
      if (asked.size === 0) return { value: known.map(present), milliseconds: 0, fresh };
      const { value, milliseconds, attention } = await denoiser.run(
        [...asked.values()].map(({ row }) => row),
      );
      const places = rows.map((_, i) => asked.get(nameOf(i))?.place ?? -1);
      const outputs = places.map((place, i) => present(known[i] ?? value[place]));
      for (const [i, key] of keys.entries()) if (!known[i]) memory.keep(key, present(outputs[i]));
      return {
        value: outputs,
        milliseconds,
        fresh,
        ...(attention ? { attention: places.map((place) => attention[place] ?? null) } : {}),
      };
    },
  };
}

function present(output: Latents | undefined): Latents {
  if (!output) throw new Error("The denoiser left a row out");
  return output;
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
  return ({ x, timestep, states }) =>
    sha256(x.data, `${x.shape.join("x")} ${timestep} ${model} ${digestOf(states)}`);
}

function sha256(values: Float32Array, label: string): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return createHash("sha256").update(bytes).update(label).digest("base64");
}
