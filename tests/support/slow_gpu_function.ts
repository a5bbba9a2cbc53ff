/** The real GPU function with the embedded model, whose every denoiser run takes so much longer. */
import { createEngine } from "../../gpu-function/engine/onnx_engine.ts";
import { SERVICE_LIMITS } from "../../gpu-function/fixtures/service_limits.ts";
import { GenerationService } from "../../gpu-function/jobs/service.ts";
import { InferenceThread } from "../../gpu-function/onnx/inference/inference_thread.ts";
import { createMetrics } from "../../gpu-function/server/metrics.ts";
import { createServer } from "../../gpu-function/server/server.ts";

export interface SlowGpuFunction {
  readonly url: string;
  readonly service: GenerationService;
  close(): Promise<void>;
}

const MODELS = new URL("../../gpu-function/models", import.meta.url).pathname;
const WORKER = "../../gpu-function/onnx/fixtures/slow_worker.ts";

const clock = {
  now: () => Date.now(),
  setTimer(delayMs: number, callback: () => void) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export async function startSlowGpuFunction(rowMs: number): Promise<SlowGpuFunction> {
  const log = () => {};
  const service = new GenerationService(SERVICE_LIMITS, { clock, log });
  const drawId = () => crypto.randomUUID();
  const app = createServer({ service, metrics: createMetrics(service), clock, log, drawId });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => app.fetch(request),
  );
  const thread = new InferenceThread(new URL(`${WORKER}?ms=${rowMs}`, import.meta.url));
  const engine = await createEngine({ modelsDir: MODELS, intraOpNumThreads: 1, thread });
  service.start(engine);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    service,
    async close() {
      await service.drain();
      await engine.close();
      await server.shutdown();
    },
  };
}
