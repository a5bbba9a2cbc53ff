/** Arithmetic on text states. Pure. */
export * from "./text_states.ts";
