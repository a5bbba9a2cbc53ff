/** `deno task lab token-classes` */
import { runCommand } from "../../generation_flags.ts";
import { runExperiment } from "../experiment_run.ts";
import { tokenClasses } from "../measurements/token_classes.ts";

await runCommand(() => runExperiment(tokenClasses, Deno.args));
