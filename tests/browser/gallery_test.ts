// If this breaks, a visitor's first click draws instead of showing what is there, or shows nothing.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { launchBrowser, openDemoService } from "./service.ts";
import {
  assertNoSideways,
  DESKTOP,
  filmstrip,
  PHONE,
  status,
  type Visit,
  visit,
  type VisitOptions,
} from "./visit.ts";

const TITLES = ["Half guidance", "A boat", "Script <b>&", "A frog", "A car", "A tree"] as const;
const DEMOS = [
  [TITLES[0], "a blue bird", "--seed", "7", "--cutoff", "0.5", "--eos-swap", "a brown chair"],
  [TITLES[1], "a purple boat", "--seed", "8", "--steps", "10"],
  [TITLES[2], "a red car", "--seed", "9", "--steps", "10"],
  [TITLES[3], "a green frog", "--seed", "10", "--steps", "10"],
  [TITLES[4], "a red car", "--seed", "11", "--steps", "10"],
  [TITLES[5], "a green tree", "--seed", "12", "--steps", "10"],
] as const;

const gallery = (page: Page) => page.getByRole("region", { name: "Demos" });
const demo = (page: Page, title: string) => gallery(page).getByTitle(title, { exact: true });

/** Collects every request to the API, by method and path. */
function listen(page: Page): string[] {
  const sent: string[] = [];
  page.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    sent.push(`${request.method()} ${pathname.replace(/[0-9a-f]{64}/, "ID")}${search}`);
  });
  return sent;
}

async function playDemo({ page }: Visit): Promise<void> {
  const sent = listen(page);
  const thumbnails = gallery(page).getByRole("img");
  await thumbnails.first().waitFor();
  assert.deepEqual(
    await thumbnails.evaluateAll((images) => images.map((image) => image.getAttribute("alt"))),
    DEMOS.map(([, prompt]) => prompt),
  );
  assert.deepEqual(
    await gallery(page).locator("span").allInnerTexts(),
    [...TITLES],
    "titles are text, whatever they say",
  );
  await demo(page, TITLES[0]).click();
  const pictures = await filmstrip(page);
  assert(new Set(pictures).size >= 4, "the previews of the run, and its image");
  await page.getByText("from cache", { exact: true }).waitFor();
  await status(page).getByText(/75 evaluations, 25 saved/).waitFor();
  assert.equal(
    await page.getByRole("textbox", { name: "Prompt", exact: true }).inputValue(),
    "a blue bird",
  );
  assert.equal(
    await page.getByRole("textbox", { name: "Second prompt" }).inputValue(),
    "a brown chair",
  );
  assert.equal(await page.getByRole("textbox", { name: "Seed" }).inputValue(), "7");
  await page.getByText("75 of 100 evaluations").waitFor();
  assert.equal(await demo(page, TITLES[0]).getAttribute("aria-current"), "true");
  assert(sent.includes("GET /v1/generations/ID/events?pace=live"), sent.join("\n"));
  assert(!sent.includes("POST /v1/generations"), "nothing is submitted");
  // The form now means the stored generation, so running it needs no GPU function.
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await status(page).getByText(/instead of .* without an evaluation/).waitFor();
}

async function byKeyboardOnPhone({ page }: Visit): Promise<void> {
  const last = demo(page, TITLES[5]);
  await demo(page, TITLES[4]).focus();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate("document.activeElement?.title"), TITLES[5]);
  await assertNoSideways(page);
  const natural = await last.locator("img").evaluate(async (image) => {
    const picture = image as unknown as { decode(): Promise<void>; naturalWidth: number };
    await picture.decode();
    return picture.naturalWidth;
  });
  assert(natural > 0, "a thumbnail that came into sight is loaded");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await status(page).getByText(/Stopped after step/).waitFor();
  await demo(page, TITLES[1]).click();
  await demo(page, TITLES[2]).click();
  await filmstrip(page);
  assert.equal(await page.locator(".picture").getAttribute("alt"), "a red car");
}

Deno.test("The gallery", async (t) => {
  const service = await openDemoService(DEMOS);
  const browser = await launchBrowser();
  const on = (look: (visit: Visit) => Promise<void>, options: VisitOptions) => () =>
    visit(browser, service.url, options, look);
  try {
    await service.stopGpuFunction();
    await t.step(
      "A demo fills the form and plays at its pace, without a GPU function",
      on(playDemo, DESKTOP),
    );
    await t.step(
      "Keyboard and phone: reached, stopped, and another one in its place",
      on(byKeyboardOnPhone, PHONE),
    );
    await t.step(
      "Nothing is shown where the service does not tell its demos",
      on(async ({ page }) => {
        await page.getByRole("textbox", { name: "Seed" }).waitFor();
        assert.equal(await gallery(page).count(), 0);
      }, {
        prepare: (page) => page.route("**/v1/demos", (route) => route.fulfill({ status: 503 })),
      }),
    );
  } finally {
    await browser.close();
    await service.stop();
  }
});
