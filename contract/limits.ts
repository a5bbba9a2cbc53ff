/**
 * Every bound of the public interface. A model's manifest has narrower ones.
 * Lengths are in UTF-16 code units, sizes in bytes, times in milliseconds.
 */
export const LIMITS = {
  /** Checked before tokenising. The model's own token limit is far lower. */
  promptLength: 4_000,
  numInferenceSteps: 200,
  /** Repeats of the prompt's words. A model's token limit may end them earlier. */
  semanticRepeats: 100,
  guidanceScaleMin: 1,
  guidanceScaleMax: 30,
  /** torch's CPU generator keeps the low 32 bits of a seed, so larger seeds would repeat images. */
  seedMax: 0xffff_ffff,
  /** Of a model, at which deep features can be reused. */
  cuts: 16,
  sideMax: 2_048,
  requestBodyBytes: 64 * 1024,
  urlLength: 2_048,
  /** Names and values of all header fields together. */
  headerBytes: 16 * 1024,
  sweepBranchesMin: 2,
  sweepBranchesMax: 16,
  /** A contact sheet as text in an event. The event has only the URL of a larger one. */
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
