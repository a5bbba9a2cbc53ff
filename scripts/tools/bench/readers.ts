/** What readers cost that ask for a stored stream and take nothing of it, on both platforms. */
import { parseArgs } from "node:util";
import {
  type ConformanceClient,
  idOf,
  readFrames,
} from "../../../tests/support/conformance_client.ts";
import { type EdgeProcess, startDeno, startWorkerd } from "../../../tests/support/edges.ts";
import { withProcess } from "../../../tests/faults/stage.ts";

const { values } = parseArgs({
  options: {
    readers: { type: "string", default: "200" },
    logs: { type: "string", default: "1" },
    seconds: { type: "string", default: "20" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(`deno task bench readers [--readers 200] [--logs 1] [--seconds 20]

Draws logs of 8.9 MB (16 previews of 400 kB, as a VAE's at 512x512), opens readers over them that take
nothing, and prints the most memory that the edge's processes took meanwhile, and behind them.`);
  Deno.exit(0);
}

const PICTURE_BYTES = 400_000;
const MB = 1e6;
const ENVIRONMENT = { LOOPBACK_LIMITS: "requests=1000000,evaluations=1000000000,concurrent=1000" };

async function drawLog(client: ConformanceClient): Promise<string> {
  const request = { ...client.fresh(), num_inference_steps: 17, previews: { every: 1 } };
  const sizes = { imageBytes: PICTURE_BYTES, previewBytes: PICTURE_BYTES };
  client.gpu.script(request.seed, sizes);
  const response = await client.post(request, { headers: { accept: "application/json" } });
  const { id } = await response.json();
  return id;
}

async function warmUp(client: ConformanceClient): Promise<void> {
  const response = await client.post(client.fresh());
  const id = idOf(await readFrames(response));
  for (let i = 0; i < 3; i++) {
    await Promise.all(
      Array.from(
        { length: Number(values.readers) },
        async () => await (await client.follow(id)).text(),
      ),
    );
  }
}

/** Asks as bytes, so that nothing on this side reads ahead. */
async function openSilently(url: string, id: string): Promise<Deno.TcpConn> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `GET /v1/generations/${id}/events HTTP/1.1\r\nHost: ${hostname}\r\n` +
    "Last-Event-ID: 1\r\n\r\n";
  await connection.write(new TextEncoder().encode(head));
  return connection;
}

async function highest(bytes: () => number, seconds: number): Promise<number> {
  let most = bytes();
  for (let i = 0; i < 4 * seconds; i++) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    most = Math.max(most, bytes());
  }
  return most;
}

async function measure(client: ConformanceClient): Promise<void> {
  const edge = client.edge as EdgeProcess;
  const ids: string[] = [];
  for (let i = 0; i < Number(values.logs); i++) ids.push(await drawLog(client));
  // As many readers that read, so that what is measured is not the first requests of a process.
  for (const id of ids) await (await client.follow(id)).text();
  await warmUp(client);
  const before = await highest(() => edge.residentBytes(), 2);
  const readers = await Promise.all(
    Array.from(
      { length: Number(values.readers) },
      (_, i) => openSilently(edge.url ?? "", ids[i % ids.length] ?? ""),
    ),
  );
  const most = await highest(() => edge.residentBytes(), Number(values.seconds));
  const began = performance.now();
  const { status } = await client.request("/v1/models");
  const answerMs = performance.now() - began;
  for (const reader of readers) reader.close();
  const behind = await highest(() => edge.residentBytes(), 2);
  const row = [
    edge.name,
    `${values.readers} of ${values.logs}`,
    (before / MB).toFixed(0),
    ((most - before) / MB).toFixed(0),
    ((behind - before) / MB).toFixed(0),
    `${status} in ${answerMs.toFixed(0)} ms`,
  ];
  console.log(`| ${row.join(" | ")} |`);
}

console.log(
  "| edge on | readers of logs | MB before | MB more | MB more behind | another request |",
);
console.log("|---|---:|---:|---:|---:|---:|");
for (const start of [startDeno, startWorkerd]) {
  await withProcess(start, { environment: ENVIRONMENT }, measure);
}
