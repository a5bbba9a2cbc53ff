/** What rooms of one process remember on disk. On workerd Durable Objects store this themselves. */
import { and, eq } from "drizzle-orm";
import type { SqlDatabase } from "./result_queries.ts";
import { room_memories } from "./schema.ts";

export type RoomKind = "generation" | "sweep";

/** Every method rejects when the database fails. */
export interface RoomMemories {
  /** Returns null where nothing is remembered under the name. */
  load(id: string, name: string): Promise<unknown>;
  save(id: string, name: string, value: unknown): Promise<void>;
  /** Forgets what the room remembers under every name. */
  clear(id: string): Promise<void>;
  /** Lists the rooms that remember anything. */
  ids(): Promise<readonly string[]>;
}

const table = room_memories;

export function createRoomMemories(database: SqlDatabase, kind: RoomKind): RoomMemories {
  const ofRoom = (id: string) => and(eq(table.kind, kind), eq(table.id, id));
  return {
    async load(id, name) {
      const [row] = await database.select({ value: table.value }).from(table)
        .where(and(ofRoom(id), eq(table.name, name)));
      return row?.value ?? null;
    },
    async save(id, name, value) {
      await database.insert(table).values({ kind, id, name, value })
        .onConflictDoUpdate({ target: [table.kind, table.id, table.name], set: { value } });
    },
    async clear(id) {
      await database.delete(table).where(ofRoom(id));
    },
    async ids() {
      const rows = await database.selectDistinct({ id: table.id }).from(table)
        .where(eq(table.kind, kind));
      return rows.map(({ id }) => id);
    },
  };
}
