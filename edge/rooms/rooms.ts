/**
 * One room per content key, or per sweep. Rooms speak HTTP
 * (`generations/generation_room_routes.ts`, `sweeps/sweep_room_routes.ts`), wherever they live.
 */
export interface Rooms {
  fetch(id: string, request: Request): Promise<Response>;
}
