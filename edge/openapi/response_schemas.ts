/**
 * The edge's JSON answers as JSON Schemas. Answers may grow, so clients must accept unknown fields.
 */
import * as v from "valibot";
import {
  DEMO_PLAN_FIELDS,
  demoResource,
  generationEventSchema,
  generationResource,
  healthResource,
  modelManifestSchema,
  plannedEosSwap,
  plannedInsights,
  plannedToken,
  planObject,
  planStart,
  problemObject,
  problemStart,
  progressSchema,
  sweepEventSchema,
  sweepResource,
  tokenStates,
  unreadTexts,
  usageResource,
} from "../../contract/mod.ts";
import { type Schema, schemaOf } from "./request_schemas.ts";

const problem = v.omit(problemObject, ["retry_after"]);

/** The document promises less of a plan than the contract checks. */
const plan = v.object({
  ...planObject.entries,
  eos_swap: v.nullable(v.pick(plannedEosSwap, ["prompt", "from", "to"])),
  token_states: v.nullable(
    v.object({ ...tokenStates.entries, sos: tokenStates.entries.semantic }),
  ),
  insights: v.pick(plannedInsights, ["names"]),
  tokens: v.object({
    ...planObject.entries.tokens.entries,
    prompt: v.array(v.object({ ...plannedToken.entries, state: v.string() })),
  }),
});

/** A stream also says what the run is doing between its events. */
const streamed = v.variant("type", [...generationEventSchema.options, progressSchema]);

const demo = v.object({ ...demoResource.entries, plan: v.pick(plan, DEMO_PLAN_FIELDS) });

const models = v.object({
  models: v.array(modelManifestSchema),
  object: v.literal("list"),
  data: v.array(v.object({ id: v.string(), object: v.literal("model") })),
});

/** Returns the schemas by the names that the operations refer to. */
export function responseSchemas(): Readonly<Record<string, Schema>> {
  // Resources hold a whole plan or problem, where events hold parts of them.
  const whole = new Map<object, Schema>([
    [planStart, schemaOf(plan)],
    [problemStart, schemaOf(problem)],
  ]);
  return {
    Problem: schemaOf(problem),
    Plan: schemaOf(
      v.object({ ...plan.entries, cached: v.boolean(), unread: v.optional(unreadTexts) }),
    ),
    Generation: schemaOf(generationResource, whole),
    GenerationEvent: schemaOf(streamed),
    Sweep: schemaOf(sweepResource, whole),
    SweepEvent: schemaOf(sweepEventSchema),
    ModelManifest: schemaOf(modelManifestSchema),
    Models: schemaOf(models),
    Demos: schemaOf(v.object({ demos: v.array(demo) })),
    Usage: schemaOf(usageResource),
    WebhookSecrets: schemaOf(v.object({ account: v.string(), secrets: v.array(v.string()) })),
    Health: schemaOf(healthResource),
  };
}
