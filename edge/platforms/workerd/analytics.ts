/** Writes requests as data points of Workers Analytics Engine, if a data set is bound. */
import type { RequestRecord } from "../../observability/request_record.ts";

/** The part of the platform's binding that is used. */
export interface AnalyticsDataset {
  writeDataPoint(point: {
    readonly indexes: readonly string[];
    readonly blobs: readonly string[];
    readonly doubles: readonly number[];
  }): void;
}

/** Samples by route. Blobs: method, route, cache. Doubles: status, milliseconds. */
export function writeRequest(
  dataset: AnalyticsDataset | undefined,
  { method, route, cache, status, ms }: RequestRecord,
): void {
  const name = route ?? "none";
  dataset?.writeDataPoint({
    indexes: [name],
    blobs: [method, name, cache ?? "none"],
    doubles: [status, ms],
  });
}
