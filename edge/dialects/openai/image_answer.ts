/** Finished images and previews in OpenAI's types, in JSON and as events. */
import type { GenerationEventOf, Plan } from "../../../contract/mod.ts";
import { imagePath } from "../../generations/generation_resource.ts";
import type { ImageRequest } from "./image_request.ts";

export interface DrawnImage {
  readonly plan: Plan;
  readonly image: GenerationEventOf<"generation.image">;
  readonly completed: GenerationEventOf<"generation.completed">;
}

/** Every image here is opaque. */
const BACKGROUND = "opaque";

export interface AnswerOptions extends Pick<ImageRequest, "responseFormat"> {
  /** Unix time in seconds. */
  readonly created: number;
  /** Where clients reach the service. */
  readonly address: string;
}

/** Returns OpenAI's `ImagesResponse`, with what each image cost. */
export function imagesAnswer(
  images: readonly DrawnImage[],
  { created, responseFormat, address }: AnswerOptions,
) {
  const [first] = images;
  return {
    created,
    background: BACKGROUND,
    ...(first ? { output_format: first.plan.output_format, size: sizeOf(first.plan) } : {}),
    data: images.map((drawn) => ({
      ...(responseFormat === "url"
        ? { url: address + imagePath(drawn.plan) }
        : { b64_json: drawn.image.data }),
      generation: summaryOf(drawn),
    })),
    usage: usageOf(images.map(({ plan }) => plan)),
  };
}

/** Returns OpenAI's `image_generation.partial_image`: its size is that of the image asked for. */
export function partialImage(
  preview: GenerationEventOf<"generation.preview">,
  plan: Plan,
  { created, index }: { readonly created: number; readonly index: number },
) {
  return {
    type: "image_generation.partial_image",
    b64_json: preview.data,
    partial_image_index: index,
    ...eventFields(plan, created),
    output_format: preview.media_type.slice("image/".length),
  } as const;
}

/** Returns OpenAI's `image_generation.completed`. */
export function completedImage(drawn: DrawnImage, created: number) {
  return {
    type: "image_generation.completed",
    b64_json: drawn.image.data,
    ...eventFields(drawn.plan, created),
    usage: usageOf([drawn.plan]),
    generation: summaryOf(drawn),
  } as const;
}

function eventFields(plan: Plan, created_at: number) {
  const { output_format } = plan;
  const size = sizeOf(plan);
  return { created_at, size, quality: "auto", background: BACKGROUND, output_format } as const;
}

function sizeOf({ width, height }: Plan): string {
  return `${width}x${height}`;
}

/**
 * Returns the parts that OpenAI has no word for. The id leads to the rest: plan, events, insights.
 */
function summaryOf({ plan: { id, seed }, completed: { cached, evaluations } }: DrawnImage) {
  return { id, seed, cached, evaluations };
}

/**
 * Counts the prompt's tokens as the model reads them, without padding. Images here have no tokens.
 */
function usageOf(plans: readonly Plan[]) {
  const text_tokens = plans
    .map(({ tokens }) => tokens.prompt.filter((token) => token.class !== "padding").length)
    .reduce((sum, count) => sum + count, 0);
  return {
    total_tokens: text_tokens,
    input_tokens: text_tokens,
    output_tokens: 0,
    input_tokens_details: { text_tokens, image_tokens: 0 },
  };
}
