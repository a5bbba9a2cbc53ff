/**
 * Only drizzle-kit reads this: `deno run -A npm:drizzle-kit generate --config=db/drizzle.config.ts`
 */
import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  schema: "./db/schema.ts",
  out: "./db/migrations",
});
