/** The shipped worker with two things in a test's hands: its database fails as told, its rooms are lost. */
import shipped, { JobRoomObject as ShippedJobRoom } from "../../edge/workerd.ts";
import { CallFaults, type Failure } from "./call_faults.ts";

export * from "../../edge/workerd.ts";

type WorkerEnv = Parameters<typeof shipped.fetch>[1];
type RoomParts = ConstructorParameters<typeof ShippedJobRoom>;
type Binding = WorkerEnv["DB"];

/** Rooms and requests are in one isolate here, so that they count together. */
const faults = new CallFaults();

const LOSE = "/lose";

export class JobRoomObject extends ShippedJobRoom {
  readonly #lose: () => void;

  constructor(state: RoomParts[0] & { abort(reason: string): void }, env: RoomParts[1]) {
    super(state, { ...env, DB: failing(env.DB) });
    this.#lose = () => state.abort("Lost on purpose");
  }

  override fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === LOSE) this.#lose();
    return super.fetch(request);
  }
}

/** D1 as Drizzle calls it. A batch takes its statements as they came from the database itself. */
function failing(database: Binding): Binding {
  const originals = new WeakMap<object, object>();
  const wrap = (statement: object): object => {
    const wrapped = wrapCalls(statement, (name, call) => {
      if (name === "bind") return (...values: unknown[]) => wrap(call(...values) as object);
      return (...args: unknown[]) => faults.pass(async () => await call(...args));
    });
    originals.set(wrapped, statement);
    return wrapped;
  };
  return wrapCalls(database, (name, call) => {
    if (name === "prepare") return (...args: unknown[]) => wrap(call(...args) as object);
    if (name !== "batch") return call;
    return (...[statements]: unknown[]) => {
      const own = (statements as object[]).map((one) => originals.get(one) ?? one);
      return faults.pass(async () => await call(own));
    };
  });
}

type Call = (...args: unknown[]) => unknown;

function wrapCalls<T extends object>(target: T, wrap: (name: string, call: Call) => Call): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? wrap(String(name), value.bind(target)) : value;
    },
  });
}

export default {
  ...shipped,

  async fetch(request: Request, env: WorkerEnv): Promise<Response> {
    const [, command = "", id = ""] = new URL(request.url).pathname
      .match(/^\/v1\/faults\/(arm|count|lose)\/?([0-9a-f]*)$/) ?? [];
    switch (command) {
      case "arm":
        faults.arm(await request.json() as Failure | null);
        return new Response();
      case "count":
        return Response.json(faults.calls);
      case "lose": {
        const lost = env.ROOMS.get(env.ROOMS.idFromName(id)).fetch(
          new Request(`http://room${LOSE}`),
        );
        return new Response(null, { status: await lost.then(() => 500, () => 200) });
      }
      default:
        return await shipped.fetch(request, { ...env, DB: failing(env.DB) });
    }
  },
};
