/** Downloads one file from a hub, resumes where it stopped, and names it only when whole. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { showBytes } from "../../../command_line/byte_count.ts";
import { HubProblem } from "./hub_problem.ts";
import type { HubRepository } from "./hub_repository.ts";
import type { RemoteFile } from "./package_listing.ts";

/** Tries in a row that gain no byte. */
const TRIES_MAX = 5;
/** Milliseconds without a byte before a connection counts as broken. */
const SILENCE_MS = 60_000;

/** Returns how many bytes of the file are on the disk already, whole or in part. */
export async function bytesPresent(folder: string, { path, bytes }: RemoteFile): Promise<number> {
  const whole = await sizeOf(join(folder, path));
  if (whole === bytes) return whole;
  return Math.min(await sizeOf(partOf(folder, path)), bytes);
}

/**
 * @param onBytes receives how many bytes of the file are on the disk
 * @throws HubProblem when the hub or the connection fails, RangeError for a wrong size or hash
 */
export async function download(
  repository: HubRepository,
  file: RemoteFile,
  { folder, world, onBytes }: {
    readonly folder: string;
    readonly world: { readonly signal: AbortSignal; readonly retryMs: number };
    readonly onBytes: (bytes: number) => void;
  },
): Promise<void> {
  const target = join(folder, file.path);
  const part = partOf(folder, file.path);
  if (await sizeOf(target) === file.bytes) return onBytes(file.bytes); // only checked files have this name
  await mkdir(dirname(target), { recursive: true });
  if (await sizeOf(part) > file.bytes) await rm(part);
  let tries = 0;
  for (let size = await sizeOf(part); size < file.bytes; size = await sizeOf(part)) {
    world.signal.throwIfAborted();
    onBytes(size);
    const problem = await append(repository, file, { part, onBytes, signal: world.signal });
    const grown = await sizeOf(part) > size;
    tries = grown ? 0 : tries + 1;
    if (problem && (!problem.passing || tries === TRIES_MAX)) throw problem;
    if (problem) await pause(world.retryMs * 2 ** tries, undefined, { signal: world.signal });
  }
  if (file.bytes === 0) await (await open(part, "w")).close();
  await requireHash(part, file);
  await rename(part, target);
  onBytes(file.bytes);
}

/** The part lies beside the file, with an ending that no reader of packages looks for. */
function partOf(folder: string, path: string): string {
  return join(folder, `${path}.part`);
}

/** Appends what the part lacks. Returns what broke the connection, if anything did. */
async function append(
  repository: HubRepository,
  file: RemoteFile,
  { part, onBytes, signal }: {
    readonly part: string;
    readonly onBytes: (bytes: number) => void;
    readonly signal: AbortSignal;
  },
): Promise<HubProblem | null> {
  const handle = await open(part, "a");
  try {
    let size = (await handle.stat()).size;
    const stream = await repository.open(file.remotePath, size);
    try {
      for await (const chunk of chunksOf(stream.body)) {
        size += chunk.length;
        if (size > file.bytes) throw tooLong(file);
        await handle.writeFile(chunk);
        onBytes(size);
      }
      return null;
    } catch (error) {
      if (error instanceof RangeError || isOfThisMachine(error)) throw error;
      signal.throwIfAborted();
      return stream.problem() ?? broken(file, size, error);
    } finally {
      stream.close();
    }
  } catch (error) {
    if (error instanceof HubProblem) return error;
    throw error;
  } finally {
    await handle.close();
  }
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  while (true) {
    const silence = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => silence.reject(new Error(`no byte in ${SILENCE_MS / 1000} s`)),
      SILENCE_MS,
    );
    try {
      const { done, value } = await Promise.race([reader.read(), silence.promise]);
      if (done) return;
      yield value;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A full disk or a missing right is not mended by another connection. */
function isOfThisMachine(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && "code" in error;
}

function broken({ path, bytes }: RemoteFile, size: number, cause: unknown): HubProblem {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HubProblem(
    `${path}: the connection broke after ${showBytes(size)} of ${showBytes(bytes)} (${reason}): ` +
      "the same command goes on from there",
    true,
    { cause },
  );
}

function tooLong({ path, bytes }: RemoteFile): RangeError {
  return new RangeError(`${path} must be ${bytes} bytes as listed, the server sends more`);
}

async function requireHash(part: string, { path, bytes, hash }: RemoteFile): Promise<void> {
  const sum = createHash(hash.algorithm === "sha256" ? "sha256" : "sha1");
  // git hashes a file with its kind and size in front of it.
  if (hash.algorithm === "git-sha1") sum.update(`blob ${bytes}\0`);
  for await (const chunk of createReadStream(part)) sum.update(chunk);
  const digest = sum.digest("hex");
  if (digest === hash.digest) return;
  await rm(part);
  throw new RangeError(
    `${path}: ${hash.algorithm} must be ${hash.digest}, given ${digest}: the download is thrown away`,
  );
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return 0;
    throw error;
  }
}
