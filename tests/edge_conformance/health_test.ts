// If this breaks, whoever asks for /health often enough keeps the database and a GPU function busy.
import assert from "node:assert/strict";
import { arm, countCalls, FAULTY_WORKER } from "../faults/fault_client.ts";
import { type EdgeOptions, startDeno, startWorkerd } from "../support/edges.ts";
import { withGround } from "../support/ground.ts";

const REQUESTS = 300;

/** Answers health checks as a GPU function does, and counts them. */
function listen(counts: { asked: number }): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    counts.asked++;
    return Response.json({ status: "READY", running: counts.asked });
  });
}

const PLATFORMS = [
  { name: "Deno", start: startDeno, worker: {} },
  { name: "workerd", start: startWorkerd, worker: { worker: FAULTY_WORKER } },
];

for (const { name, start, worker } of PLATFORMS) {
  Deno.test(`On ${name} any number of looks at /health costs one query and one call a second`, async () => {
    const counts = { asked: 0 };
    const server = listen(counts);
    const gpuUrl = `http://127.0.0.1:${server.addr.port}`;
    await withGround(async (ground) => {
      const options: EdgeOptions = { ...ground, gpuUrl, ...worker };
      const edge = await start(options);
      try {
        if (name === "workerd") await arm(edge, null);
        const began = Date.now();
        const looks = Array.from({ length: REQUESTS }, async () => {
          const response = await edge.request("/health");
          assert.equal(response.status, 200);
          return (await response.json()).gpu.functions[0].running;
        });
        const seen = await Promise.all(looks);
        const seconds = Math.ceil((Date.now() - began) / 1_000);
        assert(counts.asked >= 1 && counts.asked <= seconds, `${counts.asked} in ${seconds} s`);
        assert.equal(new Set(seen).size, counts.asked);
        if (name === "workerd") assert.equal(await countCalls(edge), counts.asked);
        await untilChanged(async () =>
          (await (await edge.request("/health")).json()).gpu.functions[0].running
        );
      } finally {
        await edge.stop();
      }
    });
    await server.shutdown();
  });
}

/** Asks until the answer is another one: what is remembered must be forgotten, too. */
async function untilChanged(look: () => Promise<number>): Promise<void> {
  const first = await look();
  const until = Date.now() + 20_000;
  while (await look() === first) assert(Date.now() < until, "the answer never changed");
}
