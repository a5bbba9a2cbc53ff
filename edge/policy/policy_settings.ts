/**
 * `BLOCKLIST`: words and phrases, one a line or with commas between them; lines with `#` in front
 * are skipped. `BLOCKLIST_LEET`: whether digits and signs are read as letters too, as in `b1rd`.
 * `GPU_SAFETY`: as for the GPU function.
 */
import { type Environment, readText, wrongSetting } from "../environment.ts";
import { foldEntry } from "./blocklist.ts";

export interface PolicySettings {
  readonly blocklist: readonly string[];
  readonly leet: boolean;
  /** Hides every image that a model's safety checker flagged, whenever it was drawn. */
  readonly withholdsFlagged: boolean;
}

const ENTRIES_MAX = 20_000;
const ENTRY_LENGTH_MAX = 100;

let last: { readonly given: string; readonly settings: PolicySettings } | null = null;

/**
 * Returns the same object for the same variables, since on Workers every room reads them and lists
 * are long.
 * @throws Error with one sentence that names the variable, what it allows and what was given
 */
export function readPolicySettings(environment: Environment): PolicySettings {
  const names = ["BLOCKLIST", "BLOCKLIST_FILE", "BLOCKLIST_LEET", "GPU_SAFETY"];
  const given = JSON.stringify(names.map((name) => readText(environment, name)));
  if (last?.given !== given) last = { given, settings: parsePolicy(environment) };
  return last.settings;
}

function parsePolicy(environment: Environment): PolicySettings {
  const file = readText(environment, "BLOCKLIST_FILE");
  if (file !== null) {
    throw wrongSetting("BLOCKLIST_FILE", "absent where there are no files, use BLOCKLIST", file);
  }
  const blocklist = splitEntries(readText(environment, "BLOCKLIST") ?? "");
  if (blocklist.length > ENTRIES_MAX) {
    throw wrongSetting("BLOCKLIST", `at most ${ENTRIES_MAX} entries`, String(blocklist.length));
  }
  const wrong = blocklist.find((entry) =>
    entry.length > ENTRY_LENGTH_MAX || foldEntry(entry).length === 0
  );
  if (wrong !== undefined) {
    const allowed = `words or phrases of letters, at most ${ENTRY_LENGTH_MAX} characters each, ` +
      "one a line or with commas between them";
    throw wrongSetting("BLOCKLIST", allowed, wrong);
  }
  const leet = readText(environment, "BLOCKLIST_LEET") ?? "on";
  if (leet !== "on" && leet !== "off") {
    throw wrongSetting("BLOCKLIST_LEET", '"on" or "off"', leet);
  }
  const safety = readText(environment, "GPU_SAFETY") ?? "report";
  if (!/^(report|refuse|off)$/.test(safety)) {
    throw wrongSetting("GPU_SAFETY", "report, refuse or off", safety);
  }
  return { blocklist, leet: leet === "on", withholdsFlagged: safety === "refuse" };
}

function splitEntries(text: string): string[] {
  const lines = text.split(/\r?\n/).filter((line) => !line.trimStart().startsWith("#"));
  return lines.flatMap((line) => line.split(",")).map((entry) => entry.trim()).filter(Boolean);
}
