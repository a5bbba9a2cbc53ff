/** What a model package declares: enough to validate, plan and address a generation. */
import * as v from "valibot";
import { INSIGHTS, INSIGHTS_WITHOUT_TAPS } from "./request/insights.ts";
import { frontPoint } from "./budget/front_point.ts";
import { LIMITS } from "./limits.ts";
import { TIMESTEP_SPACINGS } from "./request/timestep_spacing.ts";
import { accept, createProblem, type Parsed, refuse } from "./problem.ts";

const positive = v.pipe(v.number(), v.integer(), v.minValue(1));
const tokenId = v.pipe(v.number(), v.integer(), v.minValue(0));
const rgb = v.tuple([v.number(), v.number(), v.number()]);

const MODEL_ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** For sentences. */
export const MODEL_ID_RULE =
  "at most 64 lower-case letters, digits, dots, underscores and dashes, " +
  "the first a letter or digit";

export function isModelId(id: string): boolean {
  return MODEL_ID.test(id);
}

const modelManifest = v.object({
  id: v.pipe(v.string(), v.regex(MODEL_ID)),
  name: v.string(),
  description: v.string(),
  /** The diffusers pipeline class of `model_index.json`. */
  pipeline: v.string(),
  /** SHA-256 of the package's files, hex. Part of every content key. */
  digest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  defaults: v.object({
    width: positive,
    height: positive,
    num_inference_steps: positive,
    guidance_scale: v.number(),
    sampler: v.string(),
  }),
  /** Sides that the model can draw, in pixels. */
  size: v.object({ min: positive, max: positive, multiple_of: positive }),
  samplers: v.pipe(v.array(v.string()), v.minLength(1)),
  /** That of the scheduler file; null where it names none, and each sampler has its own. */
  timestep_spacing: v.optional(v.nullable(v.picklist(TIMESTEP_SPACINGS)), null),
  latents: v.object({
    channels: positive,
    /** Pixels per latent along a side. */
    vae_scale_factor: positive,
    /** Latents are divided by this before the VAE decoder sees them. */
    scaling_factor: v.number(),
  }),
  text: v.object({
    max_length: positive,
    /** Null where the encoder has no [SOS], as in T5: positions then begin with the words. */
    bos_token_id: v.nullable(tokenId),
    eos_token_id: tokenId,
    pad_token_id: tokenId,
    unk_token_id: v.nullable(tokenId),
    /** Whether [EOS] sums up the words before it. Only then does an [EOS] swap mean anything. */
    causal: v.boolean(),
  }),
  /** Least-squares map from a latent (channels) to RGB in [-1, 1]; null where none was fitted. */
  latent_rgb: v.nullable(v.object({ matrix: v.array(rgb), bias: rgb })),
  /**
   * Where the denoiser can be cut so that deep features are reused, the shallowest first, each with the
   * compute of a row of what is then left, where a row of the whole is 1.
   */
  cuts: v.optional(
    v.pipe(
      v.array(
        v.object({
          /** The graph's own name of the value that holds the features. */
          value: v.string(),
          compute: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
        }),
      ),
      v.maxLength(LIMITS.cuts),
    ),
    [],
  ),
  /** What `lab front` measured of it; empty where nobody did. */
  front: v.optional(v.array(frontPoint), []),
  /** What a run of the model can show of its inside. */
  insights: v.optional(v.array(v.picklist(INSIGHTS)), [...INSIGHTS_WITHOUT_TAPS]),
});

/** Exported for the OpenAPI document. */
export { modelManifest as modelManifestSchema };

export type ModelManifest = v.InferOutput<typeof modelManifest>;

export function parseModelManifest(input: unknown): Parsed<ModelManifest> {
  const result = v.safeParse(modelManifest, input);
  if (result.success) return accept(result.output);
  const [first] = result.issues;
  const where = v.getDotPath(first) ?? "manifest";
  return refuse(createProblem("internal", `Model manifest: ${where}: ${first.message}`));
}
