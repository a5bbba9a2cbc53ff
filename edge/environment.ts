/** The platform's variables, and the error for one that is set wrong. */

/** Variables by name. Workers' bindings are among them; only strings are read. */
export type Environment = Readonly<Record<string, unknown>>;

/** Returns null where it is absent or empty. */
export function readText(environment: Environment, name: string): string | null {
  const value = environment[name];
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}

export function wrongSetting(name: string, allowed: string, given: string): Error {
  return new Error(`${name} must be ${allowed}, given ${JSON.stringify(given.slice(0, 60))}`);
}
