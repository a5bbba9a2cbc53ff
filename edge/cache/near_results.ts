/**
 * Results near the reader: images, and whole streams as they answer a submission. Only what everybody may
 * see gets here. An image never changes; a stream does when its generation runs again for more insights,
 * so streams stay for a minute, and whoever resumes one is told by the database.
 */
import type { Plan } from "../../contract/mod.ts";
import type { Results, StoredImage, StoredReplay } from "../../db/queries.ts";
import { encodeEvent, markCached } from "../jobs/event_log.ts";
import type { Ports } from "../ports.ts";
import type { ColoCache } from "./colo_cache.ts";
import type { HitCounter } from "./hit_counter.ts";

type NearPorts = Pick<Ports, "cache" | "keepAlive">;

export interface NearStream {
  readonly insights: Plan["insights"];
  readonly body: ReadableStream<Uint8Array>;
}

const INSIGHTS = "x-insights";
const STREAM_SECONDS = 60;
const STREAM_LENGTH_MAX = 4 * 1024 * 1024;

export async function findNearStream(
  { cache }: NearPorts,
  id: string,
): Promise<NearStream | null> {
  const found = await cache.match(streamKey(id));
  const insights = found?.headers.get(INSIGHTS);
  if (!found?.body || !insights) return null;
  // Only `keepStreamNear` writes under these keys.
  return { insights: JSON.parse(insights) as Plan["insights"], body: found.body };
}

export function keepStreamNear(
  { cache, keepAlive }: NearPorts,
  id: string,
  { plan, owner, events }: StoredReplay,
): void {
  if (owner !== null) return;
  const pieces = events.map(({ id, event }) => encodeEvent(id, markCached(event)));
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (length > STREAM_LENGTH_MAX) return;
  const bytes = new Uint8Array(length);
  let end = 0;
  for (const piece of pieces) {
    bytes.set(piece, end);
    end += piece.length;
  }
  const headers = {
    "content-type": "text/event-stream",
    "cache-control": `public, max-age=${STREAM_SECONDS}`,
    [INSIGHTS]: JSON.stringify(plan.insights),
  };
  keepAlive(cache.put(streamKey(id), new Response(bytes, { headers })));
}

export async function findNearImage(
  { cache }: NearPorts,
  id: string,
): Promise<StoredImage | null> {
  const found = await cache.match(imageKey(id));
  const media_type = found?.headers.get("content-type");
  const [, sha256] = found?.headers.get("etag")?.match(/^"([0-9a-f]{64})"$/) ?? [];
  if (!found || !sha256 || media_type !== "image/png" && media_type !== "image/webp") return null;
  const bytes = new Uint8Array(await found.arrayBuffer());
  return { media_type, sha256, bytes, owner: null };
}

export function keepImageNear({ cache, keepAlive }: NearPorts, id: string, image: StoredImage) {
  if (image.owner !== null) return;
  const headers = {
    "content-type": image.media_type,
    "cache-control": "public, max-age=31536000, immutable",
    etag: `"${image.sha256}"`,
  };
  const response = new Response(new Uint8Array(image.bytes), { headers });
  keepAlive(cache.put(imageKey(id), response));
}

interface Nearness {
  readonly cache: ColoCache;
  readonly hits: HitCounter;
}

/** Results that drop a stream from the cache when they change it, and write hits rarely. */
export function nearResults(results: Results, { cache, hits }: Nearness): Results {
  return {
    ...results,
    touch: (id, now, more) => hits.touch(results, id, { now, hits: more }),
    async write(result) {
      const outcome = await results.write(result);
      if (outcome === "stored") await cache.delete(streamKey(result.plan.id));
      return outcome;
    },
  };
}

function streamKey(id: string): string {
  return `streams/${id}`;
}

function imageKey(id: string): string {
  return `images/${id}`;
}
