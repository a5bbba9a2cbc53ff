import assert from "node:assert/strict";
import {
  SIGNATURE_HEADERS,
  SIGNATURE_SKEW_MS,
  signCall,
  type SignedCall,
} from "../../contract/mod.ts";
import { FakeClock } from "../fixtures/fake_clock.ts";
import { CallVerifier, type ReceivedCall } from "./request_signature.ts";

const NAMES = ["gpu.example:8788", "gpu.example"];
const SECRETS = ["old-secret-012345", "new-secret-012345"];

function setUp(noncesMax?: number) {
  const clock = new FakeClock();
  const keys = { secrets: SECRETS, audiences: new Set(NAMES) };
  const verifier = new CallVerifier(keys, clock, noncesMax);
  let nonces = 0;
  const call = (changes: Partial<SignedCall> = {}): SignedCall => ({
    method: "PUT",
    path: "/predictions/a",
    body: new TextEncoder().encode('{"input":{}}'),
    timestamp: clock.now(),
    nonce: `nonce-${nonces++}`,
    audience: NAMES[0] ?? null,
    ...changes,
  });
  return { clock, verifier, call };
}

/** A call on the wire, changed on its way. */
function sent(
  call: SignedCall,
  changes: Partial<SignedCall> = {},
  secret = SECRETS[1] ?? "",
): ReceivedCall {
  const { method, path, body, timestamp, nonce, audience } = { ...call, ...changes };
  const headers = new Headers({
    ...(audience === null ? {} : { [SIGNATURE_HEADERS.audience]: audience }),
    [SIGNATURE_HEADERS.timestamp]: String(timestamp),
    [SIGNATURE_HEADERS.nonce]: nonce,
    [SIGNATURE_HEADERS.signature]: signCall(secret, call),
  });
  return { method, path, headers, body: () => Promise.resolve(body) };
}

Deno.test("A call is good when any of the secrets signed it", async () => {
  const { verifier, call } = setUp();
  for (const secret of SECRETS) {
    assert.equal(await verifier.refusal(sent(call(), {}, secret)), null);
  }
  const refusal = await verifier.refusal(sent(call(), {}, "other-secret-0123"));
  assert.equal(refusal?.code, "unauthorized");
});

Deno.test("A call that was changed on its way is refused, whatever part it was", async () => {
  const { verifier, call, clock } = setUp();
  const changes: Partial<SignedCall>[] = [
    { method: "POST" },
    { path: "/predictions/b" },
    { path: "/predictions/a?x" },
    { body: new TextEncoder().encode('{"input":{"seed":1}}') },
    { timestamp: clock.now() + 1 },
    { nonce: "another" },
    { audience: "gpu.example" },
    { audience: null },
  ];
  for (const change of changes) {
    const refusal = await verifier.refusal(sent(call(), change));
    assert.equal(refusal?.status, 401);
    assert.match(refusal?.detail ?? "", /signature must be of this method/);
  }
});

Deno.test("A call without one of its headers is refused before its body is read", async () => {
  const { verifier, call } = setUp();
  const { audience: _, ...needed } = SIGNATURE_HEADERS;
  for (const name of Object.values(needed)) {
    const { headers, ...rest } = sent(call());
    headers.delete(name);
    const body = () => Promise.reject(new Error("the body was read"));
    const refusal = await verifier.refusal({ ...rest, headers, body });
    assert.equal(refusal?.code, "unauthorized");
  }
});

Deno.test("The clocks may differ by the skew, either way, and not by more", async () => {
  const { verifier, call, clock } = setUp();
  for (const sign of [-1, 1]) {
    const at = (skew: number) => sent(call({ timestamp: clock.now() + sign * skew }));
    assert.equal(await verifier.refusal(at(SIGNATURE_SKEW_MS)), null);
    const refusal = await verifier.refusal(at(SIGNATURE_SKEW_MS + 1));
    assert.match(
      refusal?.detail ?? "",
      /within 60 seconds of the time here, given a time 61 seconds from it$/,
    );
  }
  const { headers, ...rest } = sent(call());
  headers.set(SIGNATURE_HEADERS.timestamp, "soon");
  const refusal = await verifier.refusal({ ...rest, headers });
  assert.match(refusal?.detail ?? "", /given "soon"$/);
});

Deno.test("A call is good once, as long as its time is", async () => {
  const { verifier, call, clock } = setUp();
  // From a clock that is fast: good for two skews from now.
  const early = call({ timestamp: clock.now() + SIGNATURE_SKEW_MS });
  assert.equal(await verifier.refusal(sent(early)), null);
  for (const ms of [0, SIGNATURE_SKEW_MS, SIGNATURE_SKEW_MS]) {
    clock.advance(ms);
    assert.equal(await verifier.refusal(sent(call())), null, "others keep it company");
    const refusal = await verifier.refusal(sent(early));
    assert.match(refusal?.detail ?? "", /used before$/);
  }
  clock.advance(1);
  assert.match((await verifier.refusal(sent(early)))?.detail ?? "", /seconds from it$/);
});

Deno.test("Nonces are remembered within a bound; what cannot be remembered is refused", async () => {
  const { verifier, call, clock } = setUp(2);
  const calls = [call(), call(), call()];
  const codes = [];
  for (const one of calls) codes.push((await verifier.refusal(sent(one)))?.code ?? null);
  assert.deepEqual(codes, [null, null, "at_capacity"]);
  clock.advance(2 * SIGNATURE_SKEW_MS + 1);
  assert.equal(await verifier.refusal(sent(call())), null);
});

Deno.test("A nonce that could not be one is refused", async () => {
  const { verifier, call } = setUp();
  const refusal = await verifier.refusal(sent(call({ nonce: "a b" })));
  assert.match(refusal?.detail ?? "", /^x-shapefirst-nonce must be .*, given "a b"$/);
});

Deno.test("A call for another GPU function is refused, and says for whom it is", async () => {
  const { verifier, call, clock } = setUp();
  const cases: readonly (readonly [audience: string | null, isOurs: boolean])[] = [
    ["gpu.example:8788", true],
    ["gpu.example", true],
    // As an edge signed it before calls named their audience.
    [null, true],
    ["gpu.example:8789", false],
    ["GPU.example", false],
    ["other.example", false],
    ["gpu.example:8788, other.example", false],
    ["", false],
  ];
  const everybody = new CallVerifier({ secrets: SECRETS, audiences: null }, clock);
  for (const [audience, isOurs] of cases) {
    const received = sent(call({ audience }));
    const refusal = await verifier.refusal(received);
    const expected = "x-shapefirst-audience must be a name of this GPU function, one of its " +
      `GPU_AUDIENCE, given ${JSON.stringify(audience)}`;
    assert.equal(refusal?.detail ?? null, isOurs ? null : expected, String(audience));
    assert.equal(await everybody.refusal(received), null, "a function that takes any");
  }
});
