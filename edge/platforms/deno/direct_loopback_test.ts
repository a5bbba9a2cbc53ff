// If this breaks, nothing starts on a machine whose environment names a proxy.
import assert from "node:assert/strict";
import { withDirectLoopback } from "./direct_loopback.ts";

const OURS = "localhost,127.0.0.1,127.0.0.0/8,::1";

Deno.test("Loopback is added to the hosts that need no proxy, in both spellings", () => {
  const cases: readonly (readonly [Record<string, string>, string])[] = [
    [{}, OURS],
    [{ NO_PROXY: "" }, OURS],
    [{ NO_PROXY: "example.org, .corp" }, `example.org,.corp,${OURS}`],
    [{ no_proxy: "example.org" }, `example.org,${OURS}`],
    [{ NO_PROXY: "a.org", no_proxy: "b.org,a.org" }, `a.org,b.org,${OURS}`],
    [{ NO_PROXY: "127.0.0.1,::1" }, "127.0.0.1,::1,localhost,127.0.0.0/8"],
    [{ no_proxy: "*" }, "*"],
    [{ NO_PROXY: "a.org,*" }, "*"],
  ];
  for (const [said, hosts] of cases) {
    const expected = { NO_PROXY: hosts, no_proxy: hosts };
    assert.deepEqual(withDirectLoopback(said), expected, JSON.stringify(said));
  }
});

const MODULE = import.meta.resolve("./direct_loopback.ts");
/** Serves and calls itself by each name of this machine. */
const PROGRAM = `
import { keepLoopbackDirect } from ${JSON.stringify(MODULE)};
if (Deno.args.length === 0) keepLoopbackDirect();
const answer = () => new Response("direct");
for (const [hostname, host] of [["127.0.0.1", "127.0.0.1"], ["127.0.0.1", "localhost"], ["127.0.0.2", "127.0.0.2"]]) {
  const server = Deno.serve({ hostname, port: 0, onListen() {} }, answer);
  const said = await fetch("http://" + host + ":" + server.addr.port).then((r) => r.text(), () => "lost");
  console.log(said);
  await server.shutdown();
}
Deno.exit(0);
`;

async function callsUnder(variable: string, args: readonly string[] = []): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, PROGRAM);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-config", file, ...args],
    // Nobody listens there.
    env: { [variable]: "http://127.0.0.1:9", NO_PROXY: "", no_proxy: "" },
    stderr: "null",
  }).output();
  await Deno.remove(file);
  return new TextDecoder().decode(stdout).trim().replaceAll("\n", " ");
}

Deno.test("No variable that names a proxy keeps a process from its own machine", async () => {
  for (const name of ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]) {
    assert.equal(await callsUnder(name), "direct direct direct", name);
  }
  assert.equal(await callsUnder("HTTP_PROXY", ["as Deno has it"]), "lost lost lost");
});
