/** `/v1/images/generations`: the same generations in OpenAI's dialect. */
import { acceptTogether } from "../../http/accept_together.ts";
import type { EdgeContext } from "../../http/request_context.ts";
import { openAsked, planAsked } from "../../generations/asked_generation.ts";
import { generationPath } from "../../generations/generation_resource.ts";
import { movedProblem } from "../../idempotency/idempotency.ts";
import { EVENT_STREAM_HEADERS } from "../../rooms/event_stream.ts";
import type { PlannedGeneration } from "../../generations/run.ts";
import { readJsonBody } from "../../http/json_body.ts";
import type { CacheOutcome } from "../../observability/request_record.ts";
import { timePart } from "../../http/request_trace.ts";
import { type DrawnImage, imagesAnswer } from "./image_answer.ts";
import { planImages } from "./image_plans.ts";
import { type ImageRequest, parseImageRequest } from "./image_request.ts";
import { followImage } from "./image_run.ts";
import { streamImage } from "./image_stream.ts";
import { answerErrorsAsOpenAi } from "./openai_error.ts";
import type { Dialect, Ports } from "../../ports.ts";
import { jsonResponse, problemResponse } from "../../http/problem_response.ts";

const PATH = "/v1/images/generations";

export const OPENAI_IMAGES: Dialect = {
  /** Wraps whatever may refuse a request, so that refusals have OpenAI's shape. */
  mountBeforeAccess: (app) => void app.use(PATH, answerErrorsAsOpenAi()),
  mountAfterAccess: (app, ports) => void app.post(PATH, (c) => submit(ports, c)),
};

async function submit(ports: Ports, c: EdgeContext): Promise<Response> {
  const body = await readJsonBody(c.req.raw);
  if (!body.ok) return problemResponse(body.problem);
  const read = acceptTogether([c.get("idempotencyKey"), parseImageRequest(body.value)]);
  if (!read.ok) return problemResponse(read.problem);
  const [, request] = read.value;
  const planning = planImages(request, (input) => planAsked(ports, c, input));
  const planned = await timePart(c, "plan", planning);
  if (!planned.ok) return problemResponse(planned.problem);
  const images = planned.value;
  const location = addressOf(images);
  const moved = location === null ? null : movedProblem(c, location);
  if (moved) return problemResponse(moved);
  const response = request.streamed
    ? await stream(ports, c, request, images)
    : await drawAll(ports, c, request, images);
  if (response.ok && location !== null) response.headers.set("location", location);
  return response;
}

/** Several images have no address in common. */
function addressOf(images: readonly PlannedGeneration[]): string | null {
  const [first] = images;
  return first && images.length === 1 ? generationPath(first.plan.id) : null;
}

async function stream(
  ports: Ports,
  c: EdgeContext,
  { partialImages }: ImageRequest,
  [image]: readonly PlannedGeneration[],
): Promise<Response> {
  if (!image) throw new RangeError("No image was asked for");
  const leave = new AbortController();
  const opened = await openAsked(ports, c, image, leave.signal);
  if (!opened.ok) return problemResponse(opened.problem);
  const { plan } = image;
  const { cache, events } = opened.value;
  c.set("cache", cache);
  const body = streamImage(followImage(events, plan, cache === "miss"), {
    plan,
    partialImages,
    created: unixTime(ports),
    log: ports.log,
    leave: () => leave.abort(),
  });
  return new Response(body, { headers: EVENT_STREAM_HEADERS });
}

/**
 * Draws one after another: together they would take as many of the account's slots. A client that
 * leaves lets the one go on that has begun, and begins none of the others.
 */
async function drawAll(
  ports: Ports,
  c: EdgeContext,
  { responseFormat }: ImageRequest,
  images: readonly PlannedGeneration[],
): Promise<Response> {
  const drawn: DrawnImage[] = [];
  const outcomes: CacheOutcome[] = [];
  for (const image of images) {
    if (c.req.raw.signal.aborted) return nobodyWaits();
    const opened = await openAsked(ports, c, image, new AbortController().signal);
    if (!opened.ok) return problemResponse(opened.problem);
    const { cache, events } = opened.value;
    outcomes.push(cache);
    for await (const step of followImage(events, image.plan, cache === "miss")) {
      if ("drawn" in step) drawn.push(step.drawn);
    }
  }
  c.set("cache", (["miss", "join"] as const).find((o) => outcomes.includes(o)) ?? "hit");
  const address = ports.publicAddress(c.req.raw);
  return jsonResponse(imagesAnswer(drawn, { created: unixTime(ports), responseFormat, address }));
}

/** Nobody reads it; the status, of no standard but in use, says so in the log. */
const nobodyWaits = () => new Response(null, { status: 499 });

/** Returns seconds. */
function unixTime({ now }: Ports): number {
  return Math.floor(now() / 1_000);
}
