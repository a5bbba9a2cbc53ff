/**
 * Graphs with weights that kernels need not pack any more, kept on disk. They open in a fraction of the time,
 * their pages are read when they are needed, and rows have the same bits. What is kept fits one processor,
 * one onnxruntime and one state of the package's files.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";

/** Names of the files in a place. */
export const PACKED_GRAPH = "model.onnx";
export const PACKED_WEIGHTS = "weights.bin";

export interface PackedPlace {
  /** The file that was packed has one place; a newer state of it takes the place of the older. */
  readonly ofFile: string;
  /** Holds the packed graph, once it is there. */
  readonly folder: string;
}

/** What a packed graph depends on besides the files beside it, and the processor. */
export interface PackedTraits {
  /** onnxruntime's version, and files elsewhere. A newer state takes the place of the older. */
  readonly states: readonly string[];
  /** How the file was edited, since each edit of it is a graph of its own. */
  readonly edits: readonly string[];
}

export async function findPlace(
  file: string,
  packedDir: string,
  { states: others, edits }: PackedTraits,
): Promise<PackedPlace> {
  const real = await realpath(file);
  const folder = dirname(real);
  const states = [];
  for (const name of (await readdir(folder)).sort()) {
    const { size, mtimeMs } = await stat(join(folder, name));
    states.push(`${name} ${size} ${mtimeMs}`);
  }
  const machine = [await readProcessor(), process.arch];
  const ofFile = join(packedDir, hash([real, ...edits]));
  return { ofFile, folder: join(ofFile, hash([...machine, ...others, ...states])) };
}

/** Kernels are chosen by what the processor can do, and each packs weights in its own way. */
async function readProcessor(): Promise<string> {
  const linux = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const [flags = ""] = linux.match(/^(flags|Features)\s*:.*$/m) ?? [];
  return `${cpus()[0]?.model} ${flags}`;
}

function hash(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

export function isPacked({ folder }: PackedPlace): boolean {
  return existsSync(join(folder, PACKED_GRAPH));
}

/**
 * Has a graph packed into its place, whole or not at all, and removes what an older state has left.
 * @param pack writes the graph into a folder
 */
export async function packInto<T>(
  { ofFile, folder }: PackedPlace,
  pack: (folder: string) => Promise<T>,
): Promise<T> {
  const draft = `${folder}.${process.pid}.draft`;
  await mkdir(draft, { recursive: true });
  try {
    const packed = await pack(draft);
    const older = (await readdir(ofFile)).filter((name) => !name.endsWith(".draft"));
    for (const name of older) await rm(join(ofFile, name), { recursive: true });
    await rename(draft, folder);
    return packed;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}
