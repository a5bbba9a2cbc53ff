/** Times one image here and with other programs, on the same graphs and batches. `deno task bench peers` */
import { join } from "node:path";
import { readModelPackage } from "../../../gpu-function/packages/model_package.ts";
import { showBytes } from "../../command_line/byte_count.ts";
import { parseStrictly, runCommand, UsageError } from "../../command_line/command_line.ts";
import { modelsFolder } from "../../command_line/models_folder.ts";
import { median, openModel, timeRun } from "../../engine/engine_runs.ts";

const PEERS = ["onnxruntime", "openvino_f32", "openvino_bf16", "diffusers_f32", "diffusers_bf16"];
const FOLDER = `${import.meta.dirname}/peers`;
const HELP = `Usage: deno task bench peers --python <python> [flags]
One image with guidance in every step: here, in a bare loop of onnxruntime-node, and in Python with
${PEERS.join(", ")}. All run the same number of guided pairs, one after the other in
each round; the ratio is the median of what each round gives.
  --python <file>    Python with scripts/tools/bench/peers/requirements.txt
  --models <folder>  models folder, default MODELS_DIR or the embedded one
  --model <id>       default mini; a package of Stable Diffusion's kind
  --size <px>        side of the image, default the model's
  --steps <n>        default 20
  --rounds <n>       default 9
  --only <names>     these peers alone, with commas between them`;

await runCommand(async () => {
  const { values } = parseStrictly(Deno.args, {
    ...Object.fromEntries(
      ["python", "models", "model", "size", "steps", "rounds", "only"].map((name) =>
        [name, { type: "string" }] as const
      ),
    ),
    help: { type: "boolean", short: "h" },
  });
  const flags = new Map(Object.entries(values).map(([name, value]) => [name, String(value)]));
  const python = flags.get("python");
  if (flags.has("help")) return console.log(HELP);
  if (python === undefined) return console.log("peers: not run, it needs --python");
  const models = flags.get("models") ?? modelsFolder();
  const model = flags.get("model") ?? "mini";
  const { manifest } = await readModelPackage(join(models, model));
  const work = {
    size: count(flags, "size", manifest.defaults.width),
    steps: count(flags, "steps", 20),
    threads: navigator.hardwareConcurrency,
    tokens: manifest.text.max_length,
    channels: manifest.latents.channels,
    scale: manifest.latents.vae_scale_factor,
  };
  const rounds = count(flags, "rounds", 9);
  const asked = flags.get("only")?.split(",") ?? PEERS;
  const others = await openPeers(asked, { python, folder: join(models, model), work });
  const { engine } = await openModel({ models, model });
  const drawHere = async () => {
    const { size, steps } = work;
    // PNDM and Heun would ask the model more often than the others do.
    const image = { model, width: size, height: size, num_inference_steps: steps, sampler: "ddim" };
    const input = { ...image, prompt: "a blue bird", seed: 7, previews: { every: 0 } };
    return (await timeRun(engine, input)).timings.total_ms / 1_000;
  };
  const contestants = [{ name: "here", draw: drawHere }, ...others];
  const seconds = await takeTurns(contestants, rounds);
  await engine.close();
  console.log(
    `${model}, ${work.size}x${work.size}, ${work.steps} guided steps, ${work.threads} threads`,
  );
  console.log("| | seconds | time here / there | peak memory |\n|---|---|---|---|");
  for (const { name, peak } of [{ name: "here", peak: null }, ...others]) {
    const own = seconds.get(name) ?? [];
    const ratio = median(own.map((time, i) => (seconds.get("here")?.[i] ?? NaN) / time));
    const memory = peak ? showBytes(await peak()) : "";
    console.log(`| ${name} | ${median(own).toFixed(3)} | ${ratio.toFixed(2)} | ${memory} |`);
  }
});

function count(flags: ReadonlyMap<string, string>, name: string, standard: number): number {
  const given = flags.get(name);
  if (given === undefined) return standard;
  if (/^[1-9]\d{0,3}$/.test(given)) return Number(given);
  throw new UsageError(`--${name} must be an integer from 1 to 9999, given ${given}`);
}

interface Contestant {
  readonly name: string;
  /** Returns the seconds of one image. */
  draw(): Promise<number>;
}

interface Peer extends Contestant {
  /** Ends it. Returns its peak memory in bytes. */
  peak(): Promise<number>;
}

/** The order turns with each round, so that nobody always has the warm machine. The first round is left out. */
async function takeTurns(
  contestants: readonly Contestant[],
  rounds: number,
): Promise<Map<string, number[]>> {
  const seconds = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    const turn = round % contestants.length;
    for (const { name, draw } of [...contestants.slice(turn), ...contestants.slice(0, turn)]) {
      const took = await draw();
      if (round > 0) seconds.get(name)?.push(took);
    }
  }
  return seconds;
}

interface PeerSetting {
  readonly python: string;
  readonly folder: string;
  readonly work: Readonly<Record<string, number>>;
}

/** Peers that cannot run this package say why, and are left out. */
async function openPeers(
  names: readonly string[],
  { python, folder, work }: PeerSetting,
): Promise<Peer[]> {
  const node = ["run", "-A", `${FOLDER}/bare_node.ts`, folder, ...Object.values(work).map(String)];
  const peers = [await openPeer("onnxruntime-node", Deno.execPath(), node)];
  const flags = Object.entries(work).flatMap(([name, value]) => [`--${name}`, String(value)]);
  for (const name of names) {
    peers.push(await openPeer(name, python, [`${FOLDER}/peer.py`, name, folder, ...flags]));
  }
  return peers.filter((peer) => peer !== null);
}

async function openPeer(
  name: string,
  command: string,
  args: readonly string[],
): Promise<Peer | null> {
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const complaint = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const writer = child.stdin.getWriter();
  const read = async () => Number((await lines.read()).value);
  const draw = async () => {
    await writer.write(new TextEncoder().encode("run\n"));
    return await read();
  };
  const isReady = (await lines.read()).value?.startsWith("ready") ?? false;
  if (!isReady || Number.isNaN(await draw())) {
    const reason = (await complaint).trim().split("\n").at(-1) ?? "";
    console.error(`${name}: left out, ${reason.slice(0, 200)}`);
    return null;
  }
  return {
    name,
    draw,
    async peak() {
      await writer.close();
      return await read();
    },
  };
}
