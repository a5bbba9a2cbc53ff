/** Reads a model repository at one commit, through the hub's own library. */
import { downloadFile, HUB_URL, type ListFileEntry, listFiles, modelInfo } from "@huggingface/hub";
import { UsageError } from "../../../command_line/command_line.ts";
import { HubProblem, hubProblemOf, statusProblem, unreachable } from "./hub_problem.ts";

export interface HubRepository {
  /** Name such as `owner/name`. */
  readonly name: string;
  /** Commit that the revision meant when it was looked up. */
  readonly commit: string;
  list(subfolder: string): Promise<ListFileEntry[]>;
  /**
   * Opens a file's bytes from `offset` on. The stream also keeps the problem that broke it off,
   * since the library reports only a text.
   */
  open(path: string, offset: number): Promise<HubStream>;
}

export interface HubStream {
  readonly body: ReadableStream<Uint8Array>;
  problem(): HubProblem | null;
  /** Ends the connection. */
  close(): void;
}

/** Milliseconds for a server to begin its answer. */
const ANSWER_MS = 30_000;

/**
 * @param revision branch, tag or commit; undefined means the default branch
 * @throws HubProblem | UsageError
 */
export async function openHubRepository(
  name: string,
  revision: string | undefined,
  { env, signal }: { env(name: string): string | undefined; readonly signal: AbortSignal },
): Promise<HubRepository> {
  const access = {
    hubUrl: (env("HF_ENDPOINT") || HUB_URL).replace(/\/+$/, ""),
    ...accessToken(env("HF_TOKEN")),
  };
  const fetch = patientFetch(signal);
  const commit = await lookUpCommit({ name, revision, ...access, fetch });
  return {
    name,
    commit,
    async list(subfolder) {
      const path = subfolder === "" ? {} : { path: subfolder };
      const files = listFiles({
        repo: name,
        revision: commit,
        recursive: true,
        ...path,
        ...access,
        fetch,
      });
      return await explaining(
        `${name}${subfolder && `/${subfolder}`}`,
        () => Array.fromAsync(files),
      );
    },
    async open(path, offset) {
      const what = `${name}/${path}`;
      const connection = new AbortController();
      const watched = watchContent(
        patientFetch(AbortSignal.any([signal, connection.signal])),
        what,
      );
      const params = { repo: name, revision: commit, path, ...access, fetch: watched.fetch };
      // Plain HTTP can go on at any byte; the hub's own chunk protocol asks for whole chunks.
      const blob = await explaining(what, () => downloadFile({ ...params, xet: false }));
      if (!blob) throw statusProblem(404, what);
      const body = (offset === 0 ? blob : blob.slice(offset)).stream();
      return { body, problem: watched.problem, close: () => connection.abort() };
    },
  };
}

function accessToken(token: string | undefined): { accessToken?: string } {
  if (token === undefined || token === "") return {};
  if (token.startsWith("hf_")) return { accessToken: token };
  throw new UsageError("HF_TOKEN must begin with hf_, as the hub's tokens do");
}

type InfoParams = Parameters<typeof modelInfo<"sha">>[0] & {
  readonly revision: string | undefined;
};

async function lookUpCommit({ revision, ...params }: InfoParams): Promise<string> {
  const { name } = params;
  const ask = (at: string | undefined) =>
    modelInfo({
      ...params,
      ...(at === undefined ? {} : { revision: at }),
      additionalFields: ["sha"],
    });
  try {
    return (await ask(revision)).sha;
  } catch (error) {
    const problem = hubProblemOf(error, name);
    if (!problem) throw error;
    const missing = revision !== undefined && /\(404\)/.test(problem.message);
    // The library drops the header that distinguishes a missing revision from a missing repository.
    if (missing && await ask(undefined).then(() => true, () => false)) {
      throw new HubProblem(`${name} has no revision ${revision} (404)`, false, { cause: error });
    }
    throw problem;
  }
}

async function explaining<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw hubProblemOf(error, what) ?? error;
  }
}

/** Bounds the wait for an answer, but not its length, which may be gigabytes. */
function patientFetch(signal: AbortSignal): typeof fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error("no answer in 30 s")), ANSWER_MS);
    try {
      return await fetch(input, { ...init, signal: AbortSignal.any([signal, late.signal]) });
    } catch (error) {
      signal.throwIfAborted();
      throw unreachable(url, late.signal.aborted ? late.signal.reason : error);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Judges the answer that carries the content, before the library reads it. */
function watchContent(fetch: typeof globalThis.fetch, what: string) {
  let found: HubProblem | null = null;
  const watched: typeof fetch = async (input, init) => {
    const range = new Headers(init?.headers).get("range");
    if (range === PROBE) return await fetch(input, init);
    try {
      const response = await fetch(input, init);
      if (!response.ok) throw statusProblem(response.status, what);
      if (range !== null && response.status !== 206) {
        throw new HubProblem(`${what}: the server cannot go on in the middle of a file`, false);
      }
      return response;
    } catch (error) {
      if (error instanceof HubProblem) found = error;
      throw error;
    }
  };
  return { fetch: watched, problem: () => found };
}

/** Range that the library requests to learn a file's size and place. */
const PROBE = "bytes=0-0";
