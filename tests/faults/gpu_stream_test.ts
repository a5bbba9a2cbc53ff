// What becomes of a generation whose GPU function sends nonsense, half an event, or without end.
import assert from "node:assert/strict";
import { LIMITS } from "../../contract/mod.ts";
import { type ConformanceClient, type Frame } from "../support/conformance_client.ts";
import { type Answer, BrokenGpu, sound, streamOf } from "./broken_gpu.ts";
import { drawNumbers, printedSeed } from "./chance.ts";
import { assertEnds, assertWhole, undisturbedSha256, withEdge } from "./stage.ts";

const SEED = printedSeed("gpu_stream_test");

interface Case {
  readonly name: string;
  readonly answer: Answer;
  /** How the generation ends: with its image, or with the code of a problem. */
  readonly end: "completed" | "upstream_failed" | "model_mismatch";
}

/** Only the first connection is broken; the later ones are sound. */
function once(answer: Answer): Answer {
  return (connection) => connection.number === 1 ? answer(connection) : sound(connection);
}

const half = (frame: string | undefined) => (frame ?? "").slice(0, (frame ?? "").length / 2);
const noise = drawNumbers(SEED);
const garbage = (length: number) => Uint8Array.from({ length }, () => noise() % 256);
const contract = (data: string) => `id: 4\nevent: output\ndata: ${data}\n\n`;

/** More text than an event may have, in pieces and without a line end, made only as it is read. */
function* endless(): Generator<string> {
  const piece = "x".repeat(1024 * 1024);
  yield "id: 3\nevent: output\ndata: ";
  for (let sent = 0; sent < 2 * LIMITS.eventLength; sent += piece.length) yield piece;
}

const CASES: readonly Case[] = [
  {
    name: "garbage at the start, once",
    answer: once(() => streamOf([garbage(5_000)])),
    end: "completed",
  },
  { name: "garbage always", answer: () => streamOf([garbage(5_000)]), end: "upstream_failed" },
  {
    name: "garbage between events, once",
    answer: once(({ frames }) =>
      streamOf([...frames.slice(0, 4), garbage(3_000), "\n\n", ...frames.slice(4)])
    ),
    end: "completed",
  },
  {
    name: "half of an event, then the end, once",
    answer: once(({ frames }) => streamOf([...frames.slice(0, 7), half(frames[7])])),
    end: "completed",
  },
  {
    name: "half of an event, then the end, always",
    answer: ({ frames, number }) =>
      streamOf(number === 1 ? [...frames.slice(0, 7), half(frames[7])] : [half(frames[0])]),
    end: "upstream_failed",
  },
  {
    name: "the end behind half of the image, once",
    answer: once(({ frames }) => streamOf([...frames.slice(0, -2), half(frames.at(-2))])),
    end: "completed",
  },
  {
    name: "one event a connection, for longer than anyone waits",
    answer: ({ frames }) => streamOf(frames.slice(0, 1)),
    end: "upstream_failed",
  },
  {
    name: "an event without end, once",
    answer: once(({ frames }) => streamOf([...frames.slice(0, 3), ...endless()])),
    end: "completed",
  },
  {
    name: "an event that is no JSON",
    answer: ({ frames }) => streamOf([...frames.slice(0, 4), contract("{")]),
    end: "upstream_failed",
  },
  {
    name: "an event of no known type",
    answer: ({ frames }) =>
      streamOf([...frames.slice(0, 4), contract('{"chunk":{"type":"x"},"index":4}')]),
    end: "upstream_failed",
  },
  {
    name: "an event that is left out, once",
    answer: once(({ frames }) => streamOf(frames.toSpliced(9, 1))),
    end: "completed",
  },
  {
    name: "each event twice",
    answer: ({ frames }) => streamOf(frames.flatMap((frame) => [frame, frame])),
    end: "completed",
  },
  {
    name: "events behind the end",
    answer: ({ frames }) => streamOf([...frames, frames.at(-1) ?? "", ...frames]),
    end: "completed",
  },
  {
    name: "a page instead of events, once",
    answer: once(() => new Response("<html>", { headers: { "content-type": "text/html" } })),
    end: "completed",
  },
  {
    name: "refusals instead of events behind a break",
    answer: ({ frames, number }) =>
      number === 1
        ? streamOf(frames.slice(0, 5))
        : Response.json({ code: "conflict" }, { status: 409 }),
    end: "model_mismatch",
  },
];

async function runCase(client: ConformanceClient, gpu: BrokenGpu, { answer, end }: Case) {
  const request = client.fresh();
  gpu.script(request.seed, answer);
  const frames = await client.stream(request);
  assertEnds(frames);
  if (end === "completed") return await assertWhole(frames, undisturbedSha256(request));
  assert.equal(codeOf(frames), end);
  // The next request is served as usual.
  gpu.script(request.seed, sound);
  await assertWhole(await client.stream(request), undisturbedSha256(request));
}

function codeOf(frames: readonly Frame[]): string | null {
  const end = frames.at(-1)?.event;
  return end?.type === "generation.failed" ? end.error.code : null;
}

Deno.test("Nonsense from the GPU function ends a generation or is got over, never shown", async () => {
  const gpu = new BrokenGpu();
  try {
    await withEdge(gpu.url, async (client) => {
      // They run side by side, since some wait for the pauses between connections.
      const failures = await Promise.all(CASES.map((broken) =>
        runCase(client, gpu, broken).then(
          () => [],
          (cause) => [new Error(broken.name, { cause })],
        )
      ));
      if (failures.flat().length > 0) throw new AggregateError(failures.flat());
    });
  } finally {
    await gpu.close();
  }
});
