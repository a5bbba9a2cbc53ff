/** Finds a model package by its id, as the engine does. */
import {
  listPackages,
  type ModelPackage,
  readModelPackage,
} from "../../gpu-function/packages/model_package.ts";

/** @throws RangeError that names the models that exist */
export async function findModel(modelsDir: string, id: string): Promise<ModelPackage> {
  const ids: string[] = [];
  for (const folder of await listPackages(modelsDir)) {
    const modelPackage = await readModelPackage(folder);
    if (modelPackage.manifest.id === id) return modelPackage;
    ids.push(modelPackage.manifest.id);
  }
  throw new RangeError(`--model must be one of ${ids.join(", ") || "none installed"}, given ${id}`);
}
