/** `deno task lab cutoff` */
import { runCommand } from "../../generation_flags.ts";
import { runExperiment } from "../experiment_run.ts";
import { cutoff } from "../measurements/cutoff.ts";

await runCommand(() => runExperiment(cutoff, Deno.args));
