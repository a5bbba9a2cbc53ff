/** The shipped worker, whose database and rooms a test can make fail. */
import shipped, { JobRoomObject as ShippedJobRoom } from "../../edge/platforms/workerd/main.ts";
import { passD1Calls } from "../../edge/platforms/database_calls.ts";
import { CallFaults, type Failure } from "./call_faults.ts";

export * from "../../edge/platforms/workerd/main.ts";

type WorkerEnv = Parameters<typeof shipped.fetch>[1];
type RoomParts = ConstructorParameters<typeof ShippedJobRoom>;

/** Rooms and requests are in one isolate here, so their calls are counted together. */
const faults = new CallFaults();

const failing = ({ DB }: Pick<WorkerEnv, "DB">) => passD1Calls(DB, (call) => faults.pass(call));

const LOSE = "/lose";

export class JobRoomObject extends ShippedJobRoom {
  readonly #lose: () => void;

  constructor(state: RoomParts[0] & { abort(reason: string): void }, env: RoomParts[1]) {
    super(state, { ...env, DB: failing(env) });
    this.#lose = () => state.abort("Lost on purpose");
  }

  override fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === LOSE) this.#lose();
    return super.fetch(request);
  }
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
        return await shipped.fetch(request, { ...env, DB: failing(env) });
    }
  },
};
