/**
 * What git puts in a large file's place when Git LFS was not installed, or was told to wait: three lines of
 * text. https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
 */
import { closeSync, existsSync, openSync, readSync } from "node:fs";

/** Older programs wrote other addresses. */
const POINTER = /^version https?:\/\/(git-lfs\.github\.com|hawser\.github\.com|git-media\.io)\//;
const START = 128;

export function isLfsPointer(text: string): boolean {
  return POINTER.test(text);
}

/** @throws RangeError when the file is there and is a pointer to the one that was meant */
export function refuseLfsPointer(file: string): void {
  if (existsSync(file) && isLfsPointer(readStart(file))) throw new RangeError(lfsSentence(file));
}

export function lfsSentence(file: string): string {
  return `${file} is a Git LFS pointer, not the file itself: run \`git lfs pull\` where it was cloned`;
}

function readStart(file: string): string {
  const handle = openSync(file, "r");
  try {
    const bytes = new Uint8Array(START);
    return new TextDecoder().decode(bytes.subarray(0, readSync(handle, bytes, 0, START, 0)));
  } finally {
    closeSync(handle);
  }
}
