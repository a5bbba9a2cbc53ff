// Broken here: markup in a prompt becomes part of the page, from the address or from the service.
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, openService, type Service } from "./service.ts";

/** It tries to leave an attribute, a text field and an element. */
const PROMPT =
  `"'></textarea><img src=x onerror="pwned=1"><svg onload=pwned=1><script>pwned=1</script>`;

interface Seen {
  /** A value that only a script from a prompt sets. */
  readonly pwned: unknown;
  /** The number of elements that only a prompt can bring. */
  readonly foreign: number;
}

function look(page: Page): Promise<Seen> {
  return page.evaluate<Seen>(`({
    pwned: globalThis.pwned ?? null,
    foreign: document.querySelectorAll('img[src="x"], [onerror], [onload], body script').length,
  })`);
}

async function showPrompt(browser: Browser, url: string, prompt: string): Promise<void> {
  const context = await browser.newContext({ reducedMotion: "reduce" });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("dialog", (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  try {
    const before = await (await page.goto(url), look(page));
    const seed = String(crypto.getRandomValues(new Uint32Array(1))[0]);
    await page.goto(`${url}?${new URLSearchParams({ prompt, seed })}`);
    await page.locator(".chip.eos").first().waitFor();
    assert.equal(
      await page.getByRole("textbox", { name: "Prompt", exact: true }).inputValue(),
      prompt,
    );
    await page.getByRole("textbox", { name: "Second prompt" }).fill(prompt);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("link", { name: /Download/ }).waitFor({ timeout: 60_000 });
    assert.deepEqual(await look(page), before);
    assert.deepEqual(faults, []);
  } finally {
    await context.close();
  }
}

Deno.test("A prompt with markup in it is text to the page", async () => {
  const service: Service = await openService();
  const browser = await launchBrowser();
  try {
    await showPrompt(browser, service.url, PROMPT);
  } finally {
    await browser.close();
    await service.stop();
  }
});
