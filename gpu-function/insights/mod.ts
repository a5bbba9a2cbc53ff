/** What a run shows of its inside: attention, frequency, guidance. Pure arithmetic. */
export * from "./attention.ts";
export * from "./canny.ts";
export * from "./class_shares.ts";
export * from "./convergence.ts";
export * from "./edge_agreement.ts";
export * from "./frequency_bands.ts";
export * from "./guidance_terms.ts";
export * from "./map_grid.ts";
export * from "./spectrum.ts";
