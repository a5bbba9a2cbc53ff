/**
 * The cache near the reader: images, and answers to submissions, as whole streams or as JSON. It
 * holds only what everybody may always see: nothing private, nothing flagged. Images never change.
 * A stream changes when its generation runs again for more insights, so answers stay for a minute,
 * and a resumed stream comes from the database.
 */
import * as v from "valibot";
import { type Plan, plannedInsights } from "../../contract/mod.ts";
import type { Results, StoredImage, StoredReplay } from "../../db/result_queries.ts";
import { replayEvents, storedLog } from "../rooms/event_replay.ts";
import { isFlagged } from "../policy/withheld_images.ts";
import type { ReaderCache } from "./reader_cache.ts";
import { type HitCounter, rarelyTouched } from "./hit_counter.ts";

interface CachePorts {
  readonly cache: ReaderCache;
  readonly keepAlive: (work: Promise<unknown>) => void;
}

/** The form of an answer to a submission: `streams` are server-sent events, `resources` JSON. */
export type AnswerKind = "streams" | "resources";

export interface CachedAnswer {
  readonly insights: Plan["insights"];
  readonly body: ReadableStream<Uint8Array>;
}

const INSIGHTS = "x-insights";
const storedInsights = v.pipe(v.string(), v.parseJson(), plannedInsights);
const ANSWER_SECONDS = 60;
/** A reader who takes nothing holds as much, so a longer stream comes slice by slice. */
const STREAM_LENGTH_MAX = 1024 * 1024;

export async function findCachedAnswer(
  { cache }: Pick<CachePorts, "cache">,
  kind: AnswerKind,
  id: string,
): Promise<CachedAnswer | null> {
  const found = await cache.match(answerKey(kind, id));
  const insights = v.safeParse(storedInsights, found?.headers.get(INSIGHTS));
  if (!found?.body || !insights.success) return null;
  return { insights: insights.output, body: found.body };
}

/** Puts the whole stream together beside the answer, which does not wait for it. */
export function cacheStream(ports: CachePorts, id: string, stored: StoredReplay): void {
  if (!mayBeCached(stored) || stored.pictureBytes > STREAM_LENGTH_MAX) return;
  ports.keepAlive(putStream(ports, id, stored));
}

async function putStream(
  { cache }: Pick<CachePorts, "cache">,
  id: string,
  stored: StoredReplay,
): Promise<void> {
  const stream = replayEvents(storedLog(stored), { after: -1, cached: true });
  const bytes = await new Response(stream).bytes();
  if (bytes.length <= STREAM_LENGTH_MAX) {
    await putAnswer(cache, answerKey("streams", id), { plan: stored.plan, bytes });
  }
}

/** @param resource as `GET /v1/generations/{id}` shows the result */
export function cacheResource(
  ports: CachePorts,
  { plan, owner, events }: Pick<StoredReplay, "plan" | "owner" | "events">,
  resource: object,
): void {
  if (!mayBeCached({ owner, events })) return;
  const bytes = new TextEncoder().encode(JSON.stringify(resource));
  ports.keepAlive(putAnswer(ports.cache, answerKey("resources", plan.id), { plan, bytes }));
}

/** The operator may change whether flagged images are shown, so those are never cached. */
function mayBeCached({ owner, events }: Pick<StoredReplay, "owner" | "events">): boolean {
  return owner === null && !events.some(({ event }) => isFlagged(event));
}

function putAnswer(
  cache: ReaderCache,
  key: string,
  { plan, bytes }: { readonly plan: Plan; readonly bytes: Uint8Array<ArrayBuffer> },
): Promise<void> {
  const headers = {
    "cache-control": `public, max-age=${ANSWER_SECONDS}`,
    [INSIGHTS]: JSON.stringify(plan.insights),
  };
  return cache.put(key, new Response(bytes, { headers }));
}

export async function findCachedImage(
  { cache }: CachePorts,
  id: string,
): Promise<StoredImage | null> {
  const found = await cache.match(imageKey(id));
  const media_type = found?.headers.get("content-type");
  const [, sha256] = found?.headers.get("etag")?.match(/^"([0-9a-f]{64})"$/) ?? [];
  if (!found || !sha256 || media_type !== "image/png" && media_type !== "image/webp") return null;
  const bytes = new Uint8Array(await found.arrayBuffer());
  return { media_type, sha256, bytes, owner: null, flagged: false };
}

export function cacheImage({ cache, keepAlive }: CachePorts, id: string, image: StoredImage) {
  if (image.owner !== null || image.flagged) return;
  const headers = {
    "content-type": image.media_type,
    "cache-control": "public, max-age=31536000, immutable",
    etag: `"${image.sha256}"`,
  };
  const response = new Response(new Uint8Array(image.bytes), { headers });
  keepAlive(cache.put(imageKey(id), response));
}

/**
 * Wraps results: they drop their answers from the cache when they change, and write hits rarely.
 */
export function cachedResults(
  results: Results,
  { cache, hits }: { readonly cache: ReaderCache; readonly hits: HitCounter },
): Results {
  return {
    ...rarelyTouched(results, hits),
    async write(result) {
      const outcome = await results.write(result);
      if (outcome === "stored") await dropAnswers(cache, result.plan.id);
      return outcome;
    },
  };
}

/** Drops what is answered to submissions, for as long as it may be kept. */
export async function dropAnswers(cache: ReaderCache, id: string): Promise<void> {
  await cache.delete(answerKey("streams", id));
  await cache.delete(answerKey("resources", id));
}

function answerKey(kind: AnswerKind, id: string): string {
  return `${kind}/${id}`;
}

function imageKey(id: string): string {
  return `images/${id}`;
}
