/** Why a model cannot be served, for operators and for clients. Pure. */
import { join } from "node:path";
import { createProblem, type Problem } from "../../../contract/mod.ts";

export interface ModelFault {
  /** Of its package. */
  readonly folder: string;
  /** One sentence, with files as the machine names them. */
  readonly reason: string;
}

/** A reason is a sentence, but onnxruntime may quote a graph in it. */
const SHORT_LENGTH_MAX = 200;

/**
 * The reason with files as they lie in the models' folder. That is open to all, so it names no folder of
 * the machine; a setting may end with a slash where files' names do not double it.
 */
export function reasonIn(modelsDir: string, { reason }: ModelFault): string {
  return reason.replaceAll(join(modelsDir, "/"), "");
}

/** For clients, who see only the files' names in the package. */
export function modelUnavailable(modelsDir: string, model: string, fault: ModelFault): Problem {
  const inPackage = fault.reason.replaceAll(join(fault.folder, "/"), "");
  const short = reasonIn(modelsDir, { ...fault, reason: inPackage }).slice(0, SHORT_LENGTH_MAX);
  return createProblem("model_unavailable", `Model ${model} cannot be served: ${short}`);
}
