/** Decides which pages of other origins may call the API. Browsers send it no credentials. */
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { type Environment, readText, wrongSetting } from "../environment.ts";

const DEFAULT = "*";
/** The longest that browsers accept; a preflight for every request would double their number. */
const PREFLIGHT_SECONDS = 7_200;

/** Reads `CORS_ORIGINS`: `*` for all, or origins with commas between them. */
export function readCorsOrigins(environment: Environment): readonly string[] {
  const text = readText(environment, "CORS_ORIGINS") ?? DEFAULT;
  const origins = text.split(",").map((origin) => origin.trim()).filter(Boolean);
  const wrong = origins.find((origin) => origin !== "*" && !isOrigin(origin));
  const isMixed = origins.length > 1 && origins.includes("*");
  if (origins.length > 0 && wrong === undefined && !isMixed) return origins;
  const allowed = "* or origins such as https://example.org with commas between them";
  throw wrongSetting("CORS_ORIGINS", allowed, wrong ?? text);
}

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

export function allowOrigins(origins: readonly string[]): MiddlewareHandler {
  return cors({
    origin: origins.includes("*") ? "*" : [...origins],
    allowMethods: ["GET", "HEAD", "POST", "DELETE"],
    // Without a list the fields that a page names are allowed, whatever they are: clients send many
    // of their own, and a page that has no credentials here gains nothing by any of them.
    exposeHeaders: ["*"],
    maxAge: PREFLIGHT_SECONDS,
  });
}
