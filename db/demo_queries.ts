/** The queries on curated demos, for D1 and for SQLite. */
import { asc, eq, sql } from "drizzle-orm";
import type { Plan, SeededRequest } from "../contract/mod.ts";
import type { SqlDatabase, StoredResult } from "./result_queries.ts";
import { demos, generations, images } from "./schema.ts";

export interface Demo {
  /** Lower-case letters, digits and hyphens. */
  readonly slug: string;
  readonly title: string;
  readonly request: SeededRequest;
  readonly generation_id: string;
}

/** A demo with what its stored generation shows; `result` is null until that is stored. */
export interface ListedDemo extends Demo {
  readonly result: {
    readonly plan: Plan;
    readonly image: StoredResult["image"];
  } | null;
}

/** Every method rejects when the database fails. */
export interface Demos {
  /** Lists the demos in the order in which they were added. */
  list(): Promise<readonly ListedDemo[]>;
  /** Adds the demo at the end, or replaces the demo of that slug in its place. */
  put(demo: Demo, now: number): Promise<void>;
  /** Returns whether there was one. Its generation stays, without its pin. */
  remove(slug: string): Promise<boolean>;
}

type Statements = Pick<SqlDatabase, "select" | "insert" | "delete">;

/** Each method is one statement, for the edge and for the command line alike. */
export const demoStatements = {
  list: (database: Statements) => selectDemos(database),
  put(database: Statements, demo: Demo, now: number) {
    const position = sql`(SELECT coalesce(max(${demos.position}), 0) + 1 FROM ${demos})`;
    const { slug: _, ...changed } = demo;
    return database.insert(demos).values({ ...demo, position, created_at: now })
      .onConflictDoUpdate({ target: demos.slug, set: changed });
  },
  /** @returns the slug, if there was one */
  remove: (database: Statements, slug: string) =>
    database.delete(demos).where(eq(demos.slug, slug)).returning({ slug: demos.slug }),
};

export function createDemos(database: SqlDatabase): Demos {
  return {
    list: async () => listedDemos(await selectDemos(database)),
    put: async (demo, now) => void await demoStatements.put(database, demo, now),
    remove: async (slug) => (await demoStatements.remove(database, slug)).length > 0,
  };
}

function selectDemos(database: Statements) {
  return database.select({
    slug: demos.slug,
    title: demos.title,
    request: demos.request,
    generation_id: demos.generation_id,
    owner: generations.owner,
    plan: generations.plan,
    image: {
      media_type: images.media_type,
      width: images.width,
      height: images.height,
      bytes: sql<number>`max(${images.size}, length(${images.bytes}))`,
      sha256: images.sha256,
    },
  }).from(demos)
    .leftJoin(generations, eq(generations.id, demos.generation_id))
    .leftJoin(images, eq(images.generation_id, demos.generation_id))
    .orderBy(asc(demos.position));
}

/** A result with an owner is not shown as a demo. */
export function listedDemos(rows: Awaited<ReturnType<typeof selectDemos>>): ListedDemo[] {
  return rows.map(({ plan, image, owner, ...demo }) => ({
    ...demo,
    result: plan && image?.sha256 && owner === null ? { plan, image } : null,
  }));
}
