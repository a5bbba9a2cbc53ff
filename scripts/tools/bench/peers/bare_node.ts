/**
 * onnxruntime-node in a bare loop, over the lines of `peer.py`: the same graphs and batches as the engine,
 * without a plan, a thread, events or an image file.
 */
import process from "node:process";
process.env["ORT_DISABLE_TELEMETRY"] = "1";
const { InferenceSession, Tensor } = await import("onnxruntime-node");

const [folder = "", ...numbers] = Deno.args;
const [size = 0, steps = 0, threads = 0, tokens = 0, channels = 0, scale = 1] = numbers.map(Number);
const GUIDANCE = 7.5;

const open = (part: string) =>
  InferenceSession.create(`${folder}/${part}/model.onnx`, {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    enableMemPattern: false,
  });
const [text, unet, vae] = [
  await open("text_encoder"),
  await open("unet"),
  await open("vae_decoder"),
];

async function outputOf(
  session: typeof unet,
  feeds: Record<string, InstanceType<typeof Tensor>>,
): Promise<{ data: Float32Array; dims: readonly number[] }> {
  const output = (await session.run(feeds))[session.outputNames[0] ?? ""];
  if (!(output?.data instanceof Float32Array)) throw new Error("The graph must give float32");
  return { data: output.data, dims: output.dims };
}

async function draw(): Promise<void> {
  const ids = new Tensor("int64", new BigInt64Array(tokens), [1, tokens]);
  const [{ data: states, dims }] = [await outputOf(text, { input_ids: ids })];
  await outputOf(text, { input_ids: ids });
  const width = dims.at(-1) ?? 0;
  const both = new Float32Array(2 * states.length);
  for (const at of [0, states.length]) both.set(states, at);
  const side = size / scale;
  const x = Float32Array.from({ length: channels * side * side }, (_, i) => Math.sin(i));
  for (let step = 0; step < steps; step++) {
    const pair = new Float32Array(2 * x.length);
    for (const at of [0, x.length]) pair.set(x, at);
    const { data } = await outputOf(unet, {
      sample: new Tensor("float32", pair, [2, channels, side, side]),
      timestep: new Tensor("float32", new Float32Array(2).fill(999 * (1 - step / steps)), [2]),
      encoder_hidden_states: new Tensor("float32", both, [2, tokens, width]),
    });
    for (let i = 0; i < x.length; i++) {
      const [without = 0, withText = 0, before = 0] = [data[i], data[x.length + i], x[i]];
      x[i] = Math.max(
        -4,
        Math.min(4, before - (without + GUIDANCE * (withText - without)) / steps),
      );
    }
  }
  await outputOf(vae, { latent_sample: new Tensor("float32", x, [1, channels, side, side]) });
}

console.log("ready");
for await (const _ of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const start = performance.now();
  await draw();
  console.log((performance.now() - start) / 1_000);
}
console.log(1_024 * process.resourceUsage().maxRSS);
