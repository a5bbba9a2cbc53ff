/**
 * Writes the front that `lab front` has measured into the model's `shapefirst.json`, where plans find it.
 * `deno task lab keep-front --model mini`
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { FrontPoint } from "../../../contract/mod.ts";
import { readModelPackage } from "../../../gpu-function/packages/model_package.ts";
import { modelsFolder } from "../../command_line/models_folder.ts";
import { parseStrictly } from "../../command_line/command_line.ts";
import { writeWhole } from "../../command_line/whole_file.ts";
import { findModel } from "../../engine/installed_model.ts";
import { ROOT } from "../../checkout.ts";
import { readJsonFile } from "../json_file.ts";
import { type Controls, mixtures } from "./front_settings.ts";

const HELP = `Usage: deno task lab keep-front [flags]
Writes the mixtures of docs/lab/<model>/front.json into the model's shapefirst.json, so that a request's budget
chooses among them. They are no part of the digest.
  --model <id>    default mini
  --from <file>   default docs/lab/<model>/front.json`;

const result = v.object({
  model: v.object({ digest: v.string() }),
  sizes: v.object({ steps: v.number() }),
  findings: v.object({
    tables: v.array(v.object({ rows: v.array(v.object({ label: v.string() })) })),
  }),
});

export async function keepFront(args: readonly string[]): Promise<void> {
  const { values } = parseStrictly(args, {
    model: { type: "string" },
    from: { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  if (values["help"]) return console.log(HELP);
  const id = String(values["model"] ?? "mini");
  const file = String(values["from"] ?? join(ROOT, "docs/lab", id, "front.json"));
  const { folder, manifest } = await findModel(modelsFolder(), id);
  const { model, sizes, findings } = await readJsonFile(
    file,
    result,
    "must be a result of lab front",
  );
  if (model.digest !== manifest.digest) {
    throw new RangeError(`${file} was measured with digest ${model.digest}, and ${id} has another`);
  }
  const [chosen] = findings.tables;
  const settings = new Map(
    mixtures(manifest, sizes.steps).map(({ label, controls }) => [label, controls]),
  );
  const front = (chosen?.rows ?? []).map(({ label }) => pointOf(label, settings.get(label)));
  const path = join(folder, "shapefirst.json");
  const content = JSON.parse(await readFile(path, "utf8"));
  await writeWhole(path, JSON.stringify({ ...content, front }, null, 2) + "\n");
  await readModelPackage(folder);
  console.log(`${path}: ${front.length} points`);
}

function pointOf(label: string, controls: Controls | undefined): FrontPoint {
  if (!controls) throw new RangeError(`No setting is called ${JSON.stringify(label)}`);
  const { sampler, num_inference_steps = 1, timestep_spacing, cutoff, reuse } = controls;
  const { guided_fraction = 1, tail = "null" } = typeof cutoff === "object" ? cutoff : {};
  return {
    num_inference_steps,
    ...(sampler ? { sampler } : {}),
    ...(timestep_spacing ? { timestep_spacing } : {}),
    ...(cutoff ? { cutoff: { guided_fraction, tail } } : {}),
    ...(reuse ? { reuse } : {}),
  };
}
