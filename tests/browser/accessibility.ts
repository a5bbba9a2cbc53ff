/** Asserts that axe finds no fault in the page as it stands: WCAG 2.2 AA and good practice. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly target: readonly string[] }[];
}

const SOURCE = await readFile(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** A demo's title may equal its prompt, which is its picture's alternative text. */
const REDUNDANT_ALT = "image-redundant-alt";

export async function assertAccessible(page: Page): Promise<void> {
  await page.evaluate(SOURCE);
  const options = JSON.stringify({
    runOnly: TAGS,
    rules: { [REDUNDANT_ALT]: { enabled: false } },
  });
  const { violations } = await page.evaluate<{ violations: readonly Violation[] }>(
    `axe.run(document, ${options})`,
  );
  const found = violations.map(({ id, help, nodes }) =>
    `${id}: ${help}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`
  );
  assert.deepEqual(found, []);
}
