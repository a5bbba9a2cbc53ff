/** Refusals that name every wrong place of a request, on every platform. */
import assert from "node:assert/strict";
import type { Case } from "./case.ts";
import { assertProblem } from "../../support/conformance_client.ts";

const KEY = { "idempotency-key": '"open' };
const EVERYWHERE = { ...KEY, "last-event-id": "x" };

export const JOINT_REFUSAL_CASES: readonly Case[] = [
  {
    name: "names every wrong field of header, query, webhook and body in one answer",
    async run(client) {
      const webhook = "https://example.com/";
      const body = { ...client.fresh(), num_inference_steps: 0, unknown: 1, webhook };
      const wrong = [
        [
          "/v1/generations?pace=slow",
          EVERYWHERE,
          ["Idempotency-Key", "Last-Event-ID", "pace", "webhook", "num_inference_steps", "unknown"],
        ],
        ["/v1/plans", KEY, ["Idempotency-Key", "webhook", "num_inference_steps", "unknown"]],
      ] as const;
      for (const [path, headers, fields] of wrong) {
        const expected = { status: 400, code: "invalid_request" };
        const { errors } = await assertProblem(
          await client.post(body, { path, headers }),
          expected,
        );
        const named = errors.map(({ field }: { readonly field: string }) => field);
        assert.deepEqual(named.toSorted(), fields.toSorted());
      }
      const sweep = { base: { ...client.fresh(), width: 0 }, tails: ["null", "x"], webhook };
      const response = await client.post(sweep, { path: "/v1/sweeps", headers: EVERYWHERE });
      const { errors } = await assertProblem(response, { status: 400, code: "invalid_request" });
      const named = errors.map(({ field }: { readonly field: string }) => field);
      for (const field of ["Idempotency-Key", "Last-Event-ID", "webhook", "base.width"]) {
        assert(named.includes(field), `${field} is not among ${named}`);
      }
    },
  },
  {
    name: "refuses a wrong idempotency key alone, and begins nothing",
    async run(client) {
      const puts = client.gpu.puts.length;
      for (const path of ["/v1/generations", "/v1/plans"]) {
        const refused = await client.post(client.fresh(), { path, headers: KEY });
        const field = "Idempotency-Key";
        await assertProblem(refused, { status: 400, code: "invalid_request", field });
      }
      assert.equal(client.gpu.puts.length, puts);
    },
  },
];
