/** The wire between the programs. Imports nothing of ours and sees no platform: the type checker proves it. */
export * from "./content_key.ts";
export * from "./cutoff.ts";
export * from "./eos_swap.ts";
export * from "./generation_event.ts";
export * from "./generation_request.ts";
export * from "./limits.ts";
export * from "./model_calls.ts";
export * from "./model_manifest.ts";
export * from "./phase.ts";
export * from "./plan.ts";
export * from "./prediction.ts";
export * from "./problem.ts";
export * from "./prompt_tokenizer.ts";
export * from "./server_sent_events.ts";
export * from "./token_states.ts";
