/** `models pull`: downloads a model from a hub. */
import { mkdir } from "node:fs/promises";
import { readModelPackage, readsGraphs } from "../../../gpu-function/packages/model_package.ts";
import { modelsFolder } from "../../command_line/models_folder.ts";
import { parseStrictly, UsageError } from "../../command_line/command_line.ts";
import { sayRegistration } from "./add.ts";
import { showBytes } from "../../command_line/byte_count.ts";
import type { Command, World } from "./command.ts";
import { requireSpace } from "./shelf/disk_space.ts";
import { bytesPresent, download } from "./hub/download.ts";
import { HubProblem } from "./hub/hub_problem.ts";
import { type HubRepository, openHubRepository } from "./hub/hub_repository.ts";
import { readId } from "./shelf/model_id.ts";
import { isWeights, type RemoteFile, selectPackageFiles } from "./hub/package_listing.ts";
import { type PullFolder, withPullFolder } from "./hub/pull_folder.ts";
import { createProgress } from "./hub/pull_progress.ts";
import { registerPackage, type Registration } from "./shelf/registration.ts";
import { requireFreeId } from "./shelf/shelf.ts";

export const pull: Command = {
  summary: "downloads a model from a hub and adds it",
  help: `Usage: deno task models pull <owner>/<name>[@<revision>] [flags]

Downloads the ONNX files of a repository, checks every size and hash, and adds the model. An
interrupted pull goes on where it stopped when the same command runs again.
  --models <folder>     models folder, default MODELS_DIR or the embedded one
  --id <id>             name in requests, default the repository's
  --subfolder <folder>  where in the repository the package lies, default its root
HF_ENDPOINT names another hub than the library's own, HF_TOKEN a token for private or gated ones.`,

  async run(args, world) {
    const { values, positionals } = parseStrictly(args, {
      models: { type: "string" },
      id: { type: "string" },
      subfolder: { type: "string" },
    });
    const { repository, revision } = readDesignation(positionals);
    const options = {
      modelsDir: String(values["models"] ?? modelsFolder()),
      id: readId(values["id"]),
      subfolder: readSubfolder(values["subfolder"]),
    };
    const opened = await openHubRepository(repository, revision, world);
    sayRegistration(await pullRepository(opened, options, world), world);
    return 0;
  },
};

function readDesignation(positionals: readonly string[]) {
  const [given] = positionals;
  if (given === undefined || positionals.length > 1) {
    throw new UsageError(`Give exactly one repository, given ${positionals.length}; see --help`);
  }
  const [, repository, revision] = given.match(/^([\w.-]+\/[\w.-]+)(?:@(\S+))?$/) ?? [];
  if (repository !== undefined) return { repository, revision };
  throw new UsageError(`A repository must be <owner>/<name>[@<revision>], given ${given}`);
}

function readSubfolder(value: unknown): string {
  if (value === undefined) return "";
  const folder = String(value).replace(/^\/+|\/+$/g, "");
  if (/^[\w.-]+(\/[\w.-]+)*$/.test(folder) && !folder.split("/").includes("..")) return folder;
  throw new UsageError(`--subfolder must be a path in the repository, given ${value}`);
}

interface PullOptions {
  readonly modelsDir: string;
  readonly id: string | undefined;
  readonly subfolder: string;
}

async function pullRepository(
  repository: HubRepository,
  { modelsDir, id, subfolder }: PullOptions,
  world: World,
): Promise<Registration> {
  const { name, commit } = repository;
  const files = selectPackageFiles(await repository.list(subfolder), subfolder);
  await mkdir(modelsDir, { recursive: true });
  if (id !== undefined) await requireFreeId(modelsDir, id);
  return await withPullFolder(
    modelsDir,
    { repository: name, commit, subfolder },
    async (folder) => {
      const { staged } = folder;
      await announce(files, { staged, modelsDir, name, commit, world });
      await downloadAll(repository, files.filter((file) => !isWeights(file)), staged, world);
      await refusing(folder, name, () => checkEarly(staged, modelsDir, id));
      await downloadAll(repository, files.filter(isWeights), staged, world);
      const registration = await refusing(
        folder,
        name,
        () => registerPackage(staged, { modelsDir, id, shownAs: name }),
      );
      await folder.discard();
      return registration;
    },
  );
}

/** Runs before the weights come, so that an unusable package costs no gigabytes. */
async function checkEarly(
  staged: string,
  modelsDir: string,
  given: string | undefined,
): Promise<void> {
  // What has no configurations is read from its graphs, which are still to come.
  if (await readsGraphs(staged)) return;
  await requireFreeId(modelsDir, (await readModelPackage(staged, given)).manifest.id);
}

async function announce(
  files: readonly RemoteFile[],
  { staged, modelsDir, name, commit, world }: {
    readonly staged: string;
    readonly modelsDir: string;
    readonly name: string;
    readonly commit: string;
    readonly world: World;
  },
): Promise<void> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let present = 0;
  for (const file of files) present += await bytesPresent(staged, file);
  await requireSpace(modelsDir, total - present, world);
  const kept = present > 0 ? `, ${showBytes(present)} of it here already` : "";
  world.say(`${name}@${commit}: ${files.length} files, ${showBytes(total)}${kept}`);
}

async function downloadAll(
  repository: HubRepository,
  files: readonly RemoteFile[],
  folder: string,
  world: World,
): Promise<void> {
  const progress = createProgress(world);
  try {
    for (const file of files) {
      world.signal.throwIfAborted();
      const bar = progress.begin(file, await bytesPresent(folder, file));
      await download(repository, file, { folder, world, onBytes: bar.update });
      bar.end();
    }
  } finally {
    progress.stop();
  }
}

/** Deletes the downloads of a refused package, since another try could not use them. */
async function refusing<T>(
  { staged, discard }: PullFolder,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RangeError) || error instanceof HubProblem) throw error;
    await discard();
    throw new RangeError(error.message.replaceAll(staged, name), { cause: error.cause });
  }
}
