/** Arithmetic on text states. Pure. */
export * from "./eos_transplant.ts";
