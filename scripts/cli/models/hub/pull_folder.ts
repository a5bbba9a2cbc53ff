/** A pull keeps its files here from one run of the command to the next. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { removeIfEmpty } from "../shelf/staging.ts";

export const PULLING = ".pulling";

export interface PullKey {
  readonly repository: string;
  readonly commit: string;
  readonly subfolder: string;
}

export interface PullFolder {
  /** Package folder, two levels below the models folder, so it is never taken for a model. */
  readonly staged: string;
  /** Deletes what was kept. */
  discard(): Promise<void>;
}

const COMMIT_DIGITS = 12;

/** @throws RangeError while another process pulls the same package */
export async function withPullFolder<T>(
  modelsDir: string,
  { repository, commit, subfolder }: PullKey,
  work: (folder: PullFolder) => Promise<T>,
): Promise<T> {
  const place = subfolder === "" ? "" : `--${subfolder.replaceAll("/", "--")}`;
  const key = `${repository.replace("/", "--")}@${commit.slice(0, COMMIT_DIGITS)}${place}`;
  const parent = join(modelsDir, PULLING);
  const own = join(parent, key);
  await mkdir(own, { recursive: true });
  // The lock ends with the process, however the process ends.
  using lock = await Deno.open(join(own, "lock"), { create: true, write: true });
  if (!await lock.tryLock(true)) {
    throw new RangeError(`${own} is in use: another process pulls the same`);
  }
  const discard = () => rm(own, { recursive: true, force: true });
  const name = repository.split("/").at(-1) ?? repository;
  try {
    return await work({ staged: join(own, name), discard });
  } finally {
    await removeIfEmpty(parent);
  }
}
