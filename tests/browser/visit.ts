/** One look at the page, in a context of its own. */
import assert from "node:assert/strict";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";

export interface Visit {
  readonly page: Page;
  /** Errors that the page threw, and violations of its Content-Security-Policy. */
  readonly faults: readonly string[];
}

export const DESKTOP = { viewport: { width: 1200, height: 900 } };
export const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

export interface VisitOptions extends BrowserContextOptions {
  /** Runs before the page is opened. */
  readonly prepare?: (page: Page) => Promise<unknown>;
}

export async function visit(
  browser: Browser,
  url: string,
  { prepare, ...options }: VisitOptions,
  look: (visit: Visit) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) faults.push(message.text());
  });
  try {
    await prepare?.(page);
    const response = await page.goto(url);
    assert.match(response?.headers()["content-security-policy"] ?? "", /default-src 'none'/);
    await page.locator(".chip.eos").first().waitFor();
    await look({ page, faults });
    assert.deepEqual(faults, []);
  } finally {
    await context.close();
  }
}

export const runButton = (page: Page) => page.getByRole("button", { name: "Run", exact: true });
export const status = (page: Page) => page.locator(".status");

/** The pictures of the filmstrip, the image itself last. */
export async function filmstrip(page: Page): Promise<string[]> {
  await page.getByRole("button", { name: "The image" }).waitFor({ timeout: 60_000 });
  return await page.locator(".filmstrip img").evaluateAll((images) =>
    images.map((image) => image.getAttribute("src") ?? "")
  );
}

export async function assertNoSideways(page: Page): Promise<void> {
  const { scroll, client } = await page.evaluate<{ scroll: number; client: number }>(
    "({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth })",
  );
  assert.equal(scroll, client);
}
