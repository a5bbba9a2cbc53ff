/** `deno task lab eos-swap` */
import { runCommand } from "../../generation_flags.ts";
import { runExperiment } from "../experiment_run.ts";
import { eosSwap } from "../measurements/eos_swap.ts";

await runCommand(() => runExperiment(eosSwap, Deno.args));
