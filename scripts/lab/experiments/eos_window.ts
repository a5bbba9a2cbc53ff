/** `deno task lab eos-window` */
import { runCommand } from "../../generation_flags.ts";
import { runExperiment } from "../experiment_run.ts";
import { eosWindow } from "../measurements/eos_window.ts";

await runCommand(() => runExperiment(eosWindow, Deno.args));
