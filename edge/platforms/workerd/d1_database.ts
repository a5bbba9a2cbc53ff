/** D1 with an end for each call; silence is remembered once per isolate. */
import { drizzle } from "drizzle-orm/d1";
import type { SqlDatabase } from "../../../db/result_queries.ts";
import { DatabaseGuard } from "../database_guard.ts";
import { later } from "../../clock.ts";
import type { Environment } from "../../environment.ts";
import { readSettings } from "../../settings.ts";
import { type D1Binding, passD1Calls } from "../database_calls.ts";

export interface DatabaseEnv extends Environment {
  readonly DB: D1Binding;
}

let guard: DatabaseGuard | null = null;

export function databaseOf(env: DatabaseEnv): SqlDatabase {
  const { databaseMs } = readSettings(env);
  const guarded = guard ??= new DatabaseGuard(databaseMs, { now: () => Date.now(), later });
  return drizzle(passD1Calls(env.DB, (call) => guarded.pass(call)));
}
