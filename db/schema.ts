/** The tables behind results: a generation, its image, its previews; a sweep. SQLite and D1 alike. */
import { customType, index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type {
  GenerationEvent,
  GenerationEventOf,
  Plan,
  SeededRequest,
  SweepAxis,
  SweepOutcome,
  SweepPlannedEvaluations,
} from "../contract/mod.ts";

type Completed = GenerationEventOf<"generation.completed">;

/** An event under its cursor. In the stored log, pictures have empty `data`: their bytes are BLOBs. */
export interface NumberedEvent {
  readonly id: number;
  readonly event: GenerationEvent;
}

/** Drizzle's own blob column wants Node's Buffer; D1 gives arrays of numbers and libSQL ArrayBuffers. */
const bytes = customType<{ data: Uint8Array; driverData: Uint8Array | ArrayBuffer | number[] }>({
  dataType: () => "blob",
  toDriver: (value) => value,
  fromDriver: (value) => new Uint8Array(value),
});

export const generations = sqliteTable("generations", {
  /** The content key, 64 hex digits. */
  id: text().primaryKey(),
  request: text({ mode: "json" }).$type<SeededRequest>().notNull(),
  plan: text({ mode: "json" }).$type<Plan>().notNull(),
  status: text({ enum: ["succeeded"] }).notNull(),
  events: text({ mode: "json" }).$type<readonly NumberedEvent[]>().notNull(),
  evaluations: text({ mode: "json" }).$type<Completed["evaluations"]>().notNull(),
  timings: text({ mode: "json" }).$type<Completed["timings"]>().notNull(),
  /** Epoch milliseconds. */
  created_at: integer().notNull(),
  last_used_at: integer().notNull(),
  hits: integer().notNull().default(0),
}, (table) => [index("generations_last_used_at").on(table.last_used_at)]);

const picture = {
  media_type: text({ enum: ["image/png", "image/webp"] }).notNull(),
  width: integer().notNull(),
  height: integer().notNull(),
  bytes: bytes().notNull(),
};

const generationId = () =>
  text().notNull().references(() => generations.id, { onDelete: "cascade" });

export const images = sqliteTable("images", {
  generation_id: generationId().primaryKey(),
  /** SHA-256 of `bytes`, hex: the image's ETag. */
  sha256: text().notNull(),
  ...picture,
});

export const previews = sqliteTable("previews", {
  generation_id: generationId(),
  /** Its cursor in the event log. */
  event_id: integer().notNull(),
  step: integer().notNull(),
  method: text({ enum: ["projection", "vae"] }).notNull(),
  ...picture,
}, (table) => [primaryKey({ columns: [table.generation_id, table.event_id] })]);

/** A branch by its generation, which has a row of its own. */
export interface StoredBranch {
  readonly id: string;
  readonly label: string;
  readonly same_as: number | null;
}

/** One place in the merged log of a sweep: the branch, and the event's cursor in that branch. */
export type BranchEvent = readonly [branch: number, id: number];

/** Sweeps of which every branch succeeded. Without their generations they are worth nothing. */
export const sweeps = sqliteTable("sweeps", {
  /** Of the branches' content keys, 64 hex digits. */
  id: text().primaryKey(),
  axis: text().$type<SweepAxis>().notNull(),
  branches: text({ mode: "json" }).$type<readonly StoredBranch[]>().notNull(),
  planned: text({ mode: "json" }).$type<SweepPlannedEvaluations>().notNull(),
  /** The order of the merged log: what is not in the generations themselves. */
  event_order: text({ mode: "json" }).$type<readonly BranchEvent[]>().notNull(),
  outcome: text({ mode: "json" }).$type<SweepOutcome>().notNull(),
  /** Epoch milliseconds. */
  created_at: integer().notNull(),
  last_used_at: integer().notNull(),
  hits: integer().notNull().default(0),
}, (table) => [index("sweeps_last_used_at").on(table.last_used_at)]);
