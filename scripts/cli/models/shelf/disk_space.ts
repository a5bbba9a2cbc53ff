/** Checks space before writing, since a disk that fills up halfway wastes the time spent so far. */
import { statfs } from "node:fs/promises";
import { showBytes } from "../../../command_line/byte_count.ts";

export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Number(bavail) * Number(bsize);
}

/** @throws RangeError with both numbers when the disk of the folder cannot take the bytes */
export async function requireSpace(
  folder: string,
  needed: number,
  world: { freeBytes(folder: string): Promise<number> },
): Promise<void> {
  const free = await world.freeBytes(folder);
  if (free >= needed) return;
  throw new RangeError(
    `${folder} has ${showBytes(free)} free, ${showBytes(needed)} are needed`,
  );
}
