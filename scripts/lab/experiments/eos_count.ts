/** `deno task lab eos-count` */
import { runCommand } from "../../generation_flags.ts";
import { runExperiment } from "../experiment_run.ts";
import { eosCount } from "../measurements/eos_count.ts";

await runCommand(() => runExperiment(eosCount, Deno.args));
