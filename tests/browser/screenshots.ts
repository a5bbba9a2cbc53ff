/**
 * Pictures of real runs for the README: `deno run -A tests/browser/screenshots.ts [folder]`
 * (default docs/images).
 */
import type { Browser, BrowserContextOptions } from "playwright-core";
import { launchBrowser, openService } from "./service.ts";

const QUERY = "?prompt=a+blue+bird&seed=6&guided_to=0.5";
const SWAP = "?prompt=a+blue+bird&seed=6&guided_to=0.5&swap_prompt=a+brown+chair&swap_to=0.4";
const DESKTOP = { width: 1200, height: 960 };
const PHONE = { width: 360, height: 800 };

const SHOTS = [
  { name: "studio_light", query: QUERY, options: { viewport: DESKTOP } },
  { name: "studio_dark", query: SWAP, options: { viewport: DESKTOP, colorScheme: "dark" } },
  { name: "studio_phone", query: QUERY, options: { viewport: PHONE, deviceScaleFactor: 2 } },
] as const satisfies readonly {
  name: string;
  query: string;
  options: BrowserContextOptions;
}[];

async function takeShot(
  browser: Browser,
  { url, folder }: { url: string; folder: string },
  { name, query, options }: { name: string; query: string; options: BrowserContextOptions },
): Promise<void> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(url + query);
  await page.locator(".chip").first().waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByRole("link", { name: /Download/ }).waitFor({ timeout: 60_000 });
  await page.evaluate("document.activeElement?.blur()");
  const fullPage = options.viewport === PHONE;
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage, animations: "disabled" });
  await context.close();
}

const folder = Deno.args[0] ?? "docs/images";
await Deno.mkdir(folder, { recursive: true });
const service = await openService();
const browser = await launchBrowser();
try {
  for (const shot of SHOTS) await takeShot(browser, { url: service.url, folder }, shot);
} finally {
  await browser.close();
  await service.stop();
}
