/** Writes a file from spans of another and new bytes, a little at a time. */
import { open } from "node:fs/promises";
import type { Piece } from "../graphs/edited_file.ts";

export interface CopyWatch {
  /** Called with the bytes that each step has written. */
  readonly wrote: (bytes: number) => void;
  readonly signal: AbortSignal;
}

const CHUNK = 8 * 1024 * 1024;

/** @throws the signal's reason when the user interrupts; the half file stays in its staging folder */
export async function copyPieces(
  source: string,
  target: string,
  pieces: readonly Piece[],
  { wrote, signal }: CopyWatch,
): Promise<void> {
  await using from = await open(source, "r");
  await using to = await open(target, "wx");
  const chunk = new Uint8Array(CHUNK);
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) {
      await to.writeFile(piece);
      wrote(piece.length);
      continue;
    }
    for (let position = piece.start; position < piece.end;) {
      signal.throwIfAborted();
      const wanted = Math.min(CHUNK, piece.end - position);
      const { bytesRead } = await from.read(chunk, 0, wanted, position);
      if (bytesRead === 0) {
        throw new RangeError(`${source} ends in the middle, at byte ${position}`);
      }
      await to.writeFile(chunk.subarray(0, bytesRead));
      position += bytesRead;
      wrote(bytesRead);
    }
  }
}
