/** Parts of a request that are read apart and refused together: headers, query, webhook, body. */
import { accept, createFieldProblem, type Parsed, refuse } from "../../contract/mod.ts";

type Values<Parts> = { [I in keyof Parts]: Parts[I] extends Parsed<infer Value> ? Value : never };

/**
 * Returns all values, or one problem that names every wrong field. A refusal for another reason is
 * reported alone, and only when every field is right.
 */
export function acceptTogether<const Parts extends readonly Parsed<unknown>[]>(
  parts: Parts,
): Parsed<Values<Parts>> {
  const problems = parts.flatMap((part) => part.ok ? [] : [part.problem]);
  const [first] = problems;
  // Each part was accepted, so each has its value.
  if (!first) return accept(parts.map((part) => part.ok ? part.value : null) as Values<Parts>);
  const errors = problems.flatMap(({ code, errors = [] }) =>
    code === "invalid_request" ? errors : []
  );
  return refuse(errors.length > 0 ? createFieldProblem("invalid_request", errors) : first);
}
