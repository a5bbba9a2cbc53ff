/** Sends each call of D1, as Drizzle makes them, through a given function. */
import type { Pass } from "../../db/sqlite/sqlite_database.ts";
import type { drizzle } from "drizzle-orm/d1";

export type D1Binding = Parameters<typeof drizzle>[0];

type Method = (...args: unknown[]) => unknown;

/** A batch gets its statements as they came from the database itself. */
export function passD1Calls(database: D1Binding, pass: Pass): D1Binding {
  const originals = new WeakMap<object, object>();
  const wrapStatement = (statement: object): object => {
    const wrapped = wrapMethods(statement, (name, method) => {
      if (name === "bind") return (...values) => wrapStatement(method(...values) as object);
      return (...args) => pass(async () => await method(...args));
    });
    originals.set(wrapped, statement);
    return wrapped;
  };
  return wrapMethods(database, (name, method) => {
    if (name === "prepare") return (...args) => wrapStatement(method(...args) as object);
    if (name !== "batch") return method;
    return (...[statements]) => {
      const own = (statements as object[]).map((one) => originals.get(one) ?? one);
      return pass(async () => await method(own));
    };
  });
}

function wrapMethods<T extends object>(
  target: T,
  wrap: (name: string, method: Method) => Method,
): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? wrap(String(name), value.bind(target)) : value;
    },
  });
}
