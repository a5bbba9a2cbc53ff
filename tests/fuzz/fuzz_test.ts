// Broken here: unforeseen bytes break a parser. `deno task fuzz` tries more than this short run.
import { REQUEST_PROPERTIES } from "./request_properties.ts";
import { STREAM_PROPERTIES } from "./stream_properties.ts";

for (const { name, check } of [...STREAM_PROPERTIES, ...REQUEST_PROPERTIES]) {
  Deno.test(name, () => check({ numRuns: 50, seed: 1 }));
}
