/** `deno task lab auto` */
import { runCommand } from "../../generation_flags.ts";
import { runExperiment } from "../experiment_run.ts";
import { auto } from "../measurements/auto.ts";

await runCommand(() => runExperiment(auto, Deno.args));
