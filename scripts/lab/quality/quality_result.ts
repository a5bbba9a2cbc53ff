/** Everything that `deno task lab quality` measures: the content of quality.json. */
import type { Latency } from "../latency/latency.ts";
import type { DrawnShares } from "./figures/drawn_shares.ts";
import type { JudgeValidation } from "./figures/judge_validation.ts";
import type { NearCopies } from "./figures/near_copies.ts";
import type { Variety } from "./figures/variety.ts";

export interface QualityResult {
  readonly command: string;
  readonly model: {
    readonly id: string;
    readonly digest: string;
    readonly engine_version: string;
    readonly width: number;
    readonly height: number;
  };
  /** What the prompts of one object ask for. */
  readonly asked: {
    readonly objects: number;
    readonly colours: number;
    readonly seeds: number;
    /** Number of prompts drawn per kind; null when all were. */
    readonly limit: number | null;
  };
  readonly judge: JudgeValidation;
  readonly drawn: DrawnShares;
  readonly variety: Variety;
  readonly near_copies: NearCopies;
  readonly latency: Latency;
}
