/** `deno task lab text-window` */
import { runCommand } from "../../generation_flags.ts";
import { runExperiment } from "../experiment_run.ts";
import { textWindow } from "../measurements/text_window.ts";

await runCommand(() => runExperiment(textWindow, Deno.args));
