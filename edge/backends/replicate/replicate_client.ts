/** Replicate's API through its own client: predictions, one request at a time. */
import Replicate from "replicate";
import * as v from "valibot";
import {
  accept,
  createProblem,
  type Parsed,
  type PredictionInput,
  type Problem,
  refuse,
} from "../../../contract/mod.ts";
import type { ReplicateSettings } from "./replicate_settings.ts";

const prediction = v.object({
  id: v.pipe(v.string(), v.regex(/^[\w-]{1,100}$/)),
  status: v.picklist(["starting", "processing", "succeeded", "failed", "canceled", "aborted"]),
  /** What the model has yielded so far; empty before it starts, and again after an hour. */
  output: v.nullish(v.array(v.unknown())),
  error: v.optional(v.unknown()),
  data_removed: v.optional(v.boolean(), false),
  urls: v.object({ stream: v.optional(v.string()) }),
});

export type ReplicatePrediction = v.InferOutput<typeof prediction>;

export class ReplicateClient {
  readonly #settings: ReplicateSettings;
  readonly #replicate: Replicate;

  /** @param requestMs how long a request may take */
  constructor(settings: ReplicateSettings, requestMs: number) {
    this.#settings = settings;
    this.#replicate = new Replicate({
      auth: settings.token,
      ...(settings.baseUrl === null ? {} : { baseUrl: settings.baseUrl }),
      // In 1.4.0, "data-uri" sends the client itself, token included, as the input.
      fileEncodingStrategy: "default",
      useFileOutput: false,
      fetch: (input, init) => fetchOnce(input, init, requestMs),
    });
  }

  create(request: PredictionInput["input"]): Promise<Parsed<ReplicatePrediction>> {
    const { target, webhook } = this.#settings;
    const { predictions, deployments } = this.#replicate;
    const options = {
      input: request,
      stream: true,
      ...(webhook ? { webhook: webhook.url, webhook_events_filter: ["completed" as const] } : {}),
    };
    return ask(() => {
      if (!("deployment" in target)) return predictions.create({ ...options, ...target });
      const [owner = "", name = ""] = target.deployment.split("/");
      return deployments.predictions.create(owner, name, options);
    });
  }

  get(id: string): Promise<Parsed<ReplicatePrediction>> {
    return ask(() => this.#replicate.predictions.get(id));
  }

  cancel(id: string): Promise<Parsed<ReplicatePrediction>> {
    return ask(() => this.#replicate.predictions.cancel(id));
  }

  /** Returns whether it can be reached with this token. */
  async answers(): Promise<boolean> {
    return await this.#replicate.accounts.current().then(() => true, () => false);
  }
}

async function ask(call: () => Promise<unknown>): Promise<Parsed<ReplicatePrediction>> {
  try {
    const result = v.safeParse(prediction, await call());
    if (result.success) return accept(result.output);
    const field = v.getDotPath(result.issues[0]) ?? "body";
    const detail = `Replicate answered with something else than a prediction: ${field}`;
    return refuse(createProblem("upstream_failed", detail));
  } catch (cause) {
    return refuse(toProblem(cause));
  }
}

/** This header hides the real status from the client's own retries. */
const ANSWERED = "x-answered";

/**
 * The client repeats requests by itself after 429, 5xx and broken connections. A repeated POST
 * could pay for one run twice, so the edge decides on retries, and the client sees 400 for every
 * failure.
 */
async function fetchOnce(
  input: Request | string,
  init: RequestInit | undefined,
  requestMs: number,
): Promise<Response> {
  const response = await fetch(input, { ...init, signal: AbortSignal.timeout(requestMs) })
    .catch(() => null);
  if (response?.ok) return response;
  await response?.body?.cancel();
  const headers = { [ANSWERED]: String(response?.status ?? 0) };
  return new Response(null, { status: 400, headers });
}

function toProblem(cause: unknown): Problem {
  switch (statusOf(cause)) {
    case 0:
      return createProblem("gpu_unavailable", "Replicate cannot be reached; try again shortly");
    case 401:
    case 402:
    case 403:
      return createProblem("gpu_unavailable", "Replicate does not accept the account of this edge");
    case 404:
      return createProblem("not_found", "Replicate knows nothing of it");
    case 422:
      return createProblem("model_mismatch", "Replicate's model does not take what was planned");
    case 429:
      return createProblem("at_capacity", "Replicate takes no more predictions for the moment");
    default:
      return createProblem("gpu_unavailable", "Replicate failed to answer; try again shortly");
  }
}

/** Returns null where no readable answer came. */
function statusOf(cause: unknown): number | null {
  if (!(cause instanceof Error) || !("response" in cause)) return null;
  const { response } = cause;
  const answered = response instanceof Response ? response.headers.get(ANSWERED) : null;
  return answered === null ? null : Number(answered);
}
