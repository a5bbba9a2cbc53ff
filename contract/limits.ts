/**
 * Every bound of the public interface, once. What a model can do is narrower and stands in its manifest.
 * Lengths in UTF-16 code units, sizes in bytes, times in milliseconds.
 */
export const LIMITS = {
  /** Before tokenising; the model's own token limit is far below. */
  promptLength: 4_000,
  numInferenceSteps: 200,
  /** Of the prompt's words; a model's token limit ends them earlier. */
  semanticRepeats: 100,
  guidanceScaleMin: 1,
  guidanceScaleMax: 30,
  /** torch's CPU generator keeps the low 32 bits of a seed, so larger seeds would repeat images. */
  seedMax: 0xffff_ffff,
  sideMax: 2_048,
  requestBodyBytes: 64 * 1024,
  urlLength: 2_048,
  /** Names and values of all fields. */
  headerBytes: 16 * 1024,
  sweepBranchesMin: 2,
  sweepBranchesMax: 16,
  /** A contact sheet inside an event; a larger one has its URL alone. */
  sheetLength: 8 * 1024 * 1024,
  /** D1 rows end at 2,000,000 bytes; this leaves room for the other columns. */
  storedRowBytes: 1_900_000,
  storedPreviews: 16,
  /** One server-sent event, image included (base64 of a 2048x2048 PNG stays below). */
  eventLength: 32 * 1024 * 1024,
  heartbeatMs: 10_000,
} as const;

/** Part of every content key: raise it when the same plan would give other bytes. */
export const ENGINE_VERSION = "2";
