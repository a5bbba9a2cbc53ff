/** Runs the fault table and the load tests. `deno task faults --help` */
import { ROOT } from "../checkout.ts";
import { parseStrictly, runCommand, UsageError } from "../command_line/command_line.ts";

const HELP = `Usage: deno task faults [--long] [--seed <n>] [--filter <part of a name>]
Kills, cuts, fills and overloads the service, and checks that nothing is lost or false afterwards.
  --long         every loop to its end: each call of the database lost in each way, every moment of a kill
  --seed <n>     the seed that a run has printed
  --filter <s>   only tests whose name contains it`;

await runCommand(async () => {
  const { values, positionals } = parseStrictly(Deno.args, {
    long: { type: "boolean" },
    seed: { type: "string" },
    filter: { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  if (values["help"]) return console.log(HELP);
  const { seed, filter } = values;
  if (positionals.length > 0) throw new UsageError(`Flags only, given ${positionals[0]}`);
  if (seed !== undefined && !/^\d{1,10}$/.test(String(seed))) {
    throw new UsageError(`--seed must be an integer from 0, given ${seed}`);
  }
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...(filter === undefined ? [] : [`--filter=${filter}`]), "tests/faults"],
    cwd: ROOT,
    env: {
      ...(values["long"] ? { FAULTS_LONG: "1" } : {}),
      ...(seed === undefined ? {} : { FAULT_SEED: String(seed) }),
    },
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  Deno.exitCode = code;
});
