/**
 * Checks house rules that no formatter knows, on the syntax tree. CONTRIBUTING.md states the
 * limits.
 * `deno run -A scripts/tools/gate/tidy.ts`
 */
import { existsSync } from "node:fs";
import ts from "typescript";
import { isTest, ROOT, sourceFiles } from "../../checkout.ts";

const FUNCTION_LINES_MAX = 70;
const FILE_LINES_MAX = 400;
const TEST_FILE_LINES_MAX = 700;
const PARAMETERS_MAX = 4;
/** With more files a folder's name says too little. Tests and fixtures do not count. */
const FOLDER_FILES_MAX = 13;
const VAGUE_NAMES = /(^|\/)(utils?|helpers?|common|types|constants|index|misc)\.tsx?$/;

/** Banned text of a call or property, what to use instead, and the files where it may stand. */
const BANNED: readonly { readonly text: RegExp; readonly use: string; readonly except: RegExp }[] =
  [
    {
      text: /^Math\.random$/,
      use: "seeded noise or an injected source",
      except: /^(scripts\/|edge\/platforms\/)/,
    },
    {
      text: /^(Date\.now|performance\.now)$/,
      use: "an injected clock",
      except:
        /^(scripts\/|web\/|gpu-function\/main\.ts|gpu-function\/engine\/onnx_engine\.ts|gpu-function\/onnx\/|edge\/platforms\/)/,
    },
    {
      text: /^console\.\w+$/,
      use: "the log port",
      except: /^(scripts\/|web\/.*screenshots|gpu-function\/main\.ts|edge\/platforms\/)/,
    },
  ];

export function tidyFile(path: string, source: string): string[] {
  const tree = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true);
  const at = (node: ts.Node) => tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
  const lines = source.split("\n").length - 1;
  const limit = isTest(path) ? TEST_FILE_LINES_MAX : FILE_LINES_MAX;
  const found: string[] = [];
  if (VAGUE_NAMES.test(path)) {
    found.push(`${path}: the name says nothing, name it after its one noun`);
  }
  if (lines > limit) found.push(`${path}: ${lines} lines, at most ${limit}`);
  if (/\bFIXME\b/.test(source) && path !== "scripts/tools/gate/tidy.ts") {
    found.push(`${path}: FIXME is banned, fix it or say why it stays`);
  }
  const visit = (node: ts.Node): void => {
    found.push(
      ...tidyNode(node, path, tree).map((complaint) => `${path}:${at(node)}: ${complaint}`),
    );
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function tidyNode(node: ts.Node, path: string, tree: ts.SourceFile): string[] {
  const complaints: string[] = [];
  if (ts.isFunctionLike(node) && "body" in node && node.body && !isTest(path)) {
    const lines = node.getText(tree).split("\n").length;
    if (lines > FUNCTION_LINES_MAX) {
      complaints.push(`a function of ${lines} lines, at most ${FUNCTION_LINES_MAX}`);
    }
    if (node.parameters.length > PARAMETERS_MAX) {
      complaints.push(
        `${node.parameters.length} parameters, at most ${PARAMETERS_MAX}: use an object`,
      );
    }
  }
  if (ts.isPropertyAccessExpression(node) && !isTest(path)) {
    const text = node.getText(tree);
    for (const { text: banned, use, except } of BANNED) {
      if (banned.test(text) && !except.test(path)) complaints.push(`${text} is banned, use ${use}`);
    }
  }
  if (isDefaultByOr(node)) complaints.push("|| with a number turns 0 into the default, use ??");
  return complaints;
}

function isDefaultByOr(node: ts.Node): boolean {
  return ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.BarBarToken &&
    ts.isNumericLiteral(node.right);
}

/** Returns paths in backquotes that a document names but that do not exist. */
export function missingPaths(document: string, text: string): string[] {
  const named = text.matchAll(
    /`((?:client|contract|db|deploy|docs|edge|gpu-function|scripts|tests|web)\/[\w./-]*\w)`/g,
  );
  return [...new Set([...named].map(([, path]) => path ?? ""))]
    .filter((path) => !existsSync(ROOT + path))
    .map((path) => `${document} names ${path}, which does not exist`);
}

/** Folders with more source files of their own than a reader can keep in mind. */
export function crowdedFolders(paths: readonly string[]): string[] {
  const folders = Map.groupBy(
    paths.filter((path) => !isTest(path)),
    (path) => path.slice(0, path.lastIndexOf("/") + 1),
  );
  return [...folders]
    .filter(([, files]) => files.length > FOLDER_FILES_MAX)
    .map(([folder, files]) => `${folder}: ${files.length} files, at most ${FOLDER_FILES_MAX}`);
}

export async function checkTidy(): Promise<string[]> {
  const found = crowdedFolders(await sourceFiles());
  for (const path of await sourceFiles()) {
    found.push(...tidyFile(path, await Deno.readTextFile(ROOT + path)));
  }
  for (const path of await sourceFiles(/^(ARCHITECTURE|CONTRIBUTING|README)\.md$/)) {
    found.push(...missingPaths(path, await Deno.readTextFile(ROOT + path)));
  }
  return found;
}

if (import.meta.main) {
  const found = await checkTidy();
  for (const complaint of found) console.error(complaint);
  Deno.exit(found.length > 0 ? 1 : 0);
}
