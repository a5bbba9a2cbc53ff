/** `deno task lab attention` */
import { runCommand } from "../../generation_flags.ts";
import { runExperiment } from "../experiment_run.ts";
import { attention } from "../measurements/attention.ts";

await runCommand(() => runExperiment(attention, Deno.args));
