/** `deno task lab frequency` */
import { runCommand } from "../../generation_flags.ts";
import { runExperiment } from "../experiment_run.ts";
import { frequency } from "../measurements/frequency.ts";

await runCommand(() => runExperiment(frequency, Deno.args));
