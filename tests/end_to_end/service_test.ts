// The real service, started once for all stories: workerd, D1, Durable Objects, onnxruntime.
import { type Stack, startStack } from "../../scripts/service/stack.ts";
import { controls } from "./controls_story.ts";
import { mainJob } from "./main_job_story.ts";
import type { Story } from "./story.ts";
import { sweep } from "./sweep_story.ts";

const STORIES: readonly (readonly [name: string, story: Story])[] = [
  ["The main job", mainJob],
  ["The paper's row of six cutoffs in one call", sweep],
  ["Swap of the first [EOS], guidance interval and delta tail", controls],
];

Deno.test("The service, end to end", async (t) => {
  const dataDir = await Deno.makeTempDir();
  const start = (): Promise<Stack> => startStack({ port: 0, gpuPort: 0, dataDir, quiet: true });
  let stack = await start();
  const service = {
    get stack() {
      return stack;
    },
    async restart() {
      await stack.stop();
      stack = await start();
    },
  };
  try {
    for (const [name, story] of STORIES) await t.step(name, (t) => story(t, service));
  } finally {
    await stack.stop();
    await Deno.remove(dataDir, { recursive: true });
  }
});
