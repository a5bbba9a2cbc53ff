// The page in a real browser on the real service: type, run, watch, ask again, err, cancel.
import assert from "node:assert/strict";
import type { Route } from "playwright-core";
import { createProblem } from "../../contract/mod.ts";
import { assertAccessible } from "./accessibility.ts";
import { launchBrowser, openService, type Service } from "./service.ts";
import {
  assertNoSideways,
  DESKTOP,
  filmstrip,
  PHONE,
  runButton,
  status,
  type Visit,
  visit,
  type VisitOptions,
} from "./visit.ts";

/** The query of a request that no earlier run can have stored. */
function freshQuery(words: Record<string, string>): string {
  const seed = String(crypto.getRandomValues(new Uint32Array(1))[0]);
  return `?${new URLSearchParams({ prompt: "a red car", seed, ...words })}`;
}

async function typeAndRun({ page }: Visit): Promise<void> {
  const stage = page.locator(".frame");
  const before = await stage.boundingBox();
  await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("a green frog");
  await page.locator(".chip", { hasText: "frog" }).waitFor();
  await runButton(page).click();
  await page.locator(".filmstrip button").first().waitFor({ timeout: 60_000 });
  const pictures = await filmstrip(page);
  assert(new Set(pictures).size >= 4, "at least three different previews and the image");
  const natural = await page.locator(".picture").evaluate((image) =>
    (image as unknown as { naturalWidth: number }).naturalWidth
  );
  assert(natural > 0, "the image decodes");
  assert.deepEqual(await stage.boundingBox(), before, "nothing jumped");
  await page.getByRole("link", { name: /Download/ }).waitFor();
  assert.equal(await page.locator(".badge").count(), 0);
}

async function runAgain({ page }: Visit): Promise<void> {
  const [image] = (await filmstrip(page)).slice(-1);
  await runButton(page).click();
  await page.getByText("from cache", { exact: true }).waitFor();
  assert.equal((await filmstrip(page)).at(-1), image);
  const link = page.getByRole("link", { name: /Download/ });
  const answer = await page.request.get(
    new URL(await link.getAttribute("href") ?? "", page.url()).href,
  );
  assert.equal(answer.status(), 200);
  assert.match(answer.headers()["content-type"] ?? "", /^image\//);
}

async function cutHalfWay({ page }: Visit): Promise<void> {
  const slider = page.getByRole("slider", { name: "Guidance to step" });
  await page.getByText("100 of 100 evaluations").waitFor();
  await slider.focus();
  for (let i = 0; i < 25; i++) await page.keyboard.press("ArrowLeft");
  await page.getByText("75 of 100 evaluations").waitFor();
  assert.equal(await page.locator(".cell.guided").count(), 25);
  assert.equal(await page.locator(".cell.null").count(), 25);
  await page.getByLabel("prompt alone").check();
  await page.locator(".cell.cond").first().waitFor();
  assert.equal(await page.locator(".cell.cond").count(), 25);
  await page.getByRole("textbox", { name: "Second prompt" }).fill("a brown chair");
  await page.locator(".cell.swapped").first().waitFor();
  await page.waitForURL(/swap_prompt=a\+brown\+chair&guided_to=0\.5&tail=cond$/);
  await page.reload();
  await page.getByText("75 of 100 evaluations").waitFor();
  assert.equal(
    await page.getByRole("textbox", { name: "Second prompt" }).inputValue(),
    "a brown chair",
  );
}

async function instrument({ page }: Visit): Promise<void> {
  const sliders = ["Guidance to step", "Guidance from step"] as const;
  const [end, start] = sliders.map((name) => page.getByRole("slider", { name }));
  await page.getByText("100 of 100 evaluations").waitFor();
  await end!.focus();
  for (let i = 0; i < 20; i++) await page.keyboard.press("ArrowLeft");
  await start!.focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowRight");
  await page.getByText("Text guides 25 of 50 steps, from step 5").waitFor();
  await page.getByText("75 of 100 evaluations").waitFor();
  await page.getByRole("group", { name: "Before guidance" })
    .getByLabel("prompt alone").check();
  await page.getByLabel("guidance kept").check();
  await page.locator(".cell.delta").first().waitFor();
  const counted = async (name: string) => await page.locator(`.cell.${name}`).count();
  assert.deepEqual([await counted("cond"), await counted("guided"), await counted("delta")], [
    5,
    25,
    20,
  ]);
  await page.getByRole("textbox", { name: "Second prompt" }).fill("a brown wooden chair");
  await page.getByText("Advanced").click();
  await page.getByLabel("[EOS] swapped").selectOption("first");
  await page.getByLabel("Words", { exact: true }).selectOption("zeros");
  await page.getByLabel("Words repeated").fill("0");
  await page.locator(".field-semantic_repeats .error").waitFor();
  await page.getByLabel("Words repeated").fill("2");
  const chips = page.getByRole("list", { name: "Tokens of the prompt" }).getByRole("listitem");
  await page.getByText("semantic_repeats must be").waitFor({ state: "detached" });
  await chips.getByText("zeros").nth(5).waitFor();
  assert.match(await chips.last().innerText(), /^\[EOS\]\s*swapped\s*\+\d+/);
  await runButton(page).click();
  await page.getByRole("link", { name: /Download/ }).waitFor();
  await status(page).getByText(/75 evaluations, 25 saved/).waitFor();
}

async function showErrors({ page }: Visit): Promise<void> {
  await page.getByLabel("Guidance", { exact: true }).fill("99");
  const guidance = page.locator(".field-guidance_scale .error");
  await guidance.waitFor();
  assert.match(await guidance.innerText(), /guidance_scale must be .*30, given 99/);
  await page.getByLabel("Guidance", { exact: true }).fill("5");
  await guidance.waitFor({ state: "detached" });
  await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("");
  await page.keyboard.press("Enter");
  const prompt = page.locator(".field-prompt .error");
  await prompt.waitFor();
  assert.match(await prompt.innerText(), /prompt must be non-empty/);
  await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("a xylograph");
  await page.getByText("not in this model's vocabulary").waitFor();
  // An error of a field behind the disclosure opens it.
  await page.getByText("Advanced").click();
  await page.getByLabel("Width").fill("63");
  await page.getByText("Advanced").click();
  await runButton(page).click();
  await page.locator(".field-width .error").waitFor();
}

async function keyboardOnly({ page }: Visit): Promise<void> {
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate("document.activeElement?.id"), "prompt");
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("a purple boat");
  await page.keyboard.press("Enter");
  await filmstrip(page);
  for (let i = 0; i < 20; i++) {
    await page.keyboard.press("Tab");
    const name = await page.evaluate("document.activeElement?.getAttribute('aria-label')");
    if (name === "Preview after step 5") break;
  }
  await page.keyboard.press("Enter");
  assert.match(await page.locator(".picture").getAttribute("alt") ?? "", /after step 5/);
}

async function escapeCancels({ page }: Visit): Promise<void> {
  await runButton(page).click();
  await page.getByRole("button", { name: "Cancel" }).waitFor();
  await page.getByRole("progressbar").waitFor();
  await page.keyboard.press("Escape");
  await status(page).getByText(/Canceled after \d+ evaluations/).waitFor();
  await runButton(page).waitFor();
}

async function compareCutoffs({ page }: Visit): Promise<void> {
  await page.getByRole("button", { name: "Compare cutoffs" }).click();
  const row = page.locator(".branches img");
  await page.getByRole("link", { name: "Contact sheet" }).waitFor({ timeout: 120_000 });
  await page.getByText("6 images for 30 evaluations, 105 if run apart").waitFor();
  const pictures = await row.evaluateAll((images) =>
    images.map((image) => image.getAttribute("src") ?? "")
  );
  assert.equal(pictures.length, 6);
  assert(new Set(pictures).size >= 4, "cutoffs change the image");
  await page.getByRole("button", { name: /a = 5/ }).click();
  await page.getByText("15 of 20 evaluations").waitFor();
  const sheet = await page.getByRole("link", { name: "Contact sheet" }).getAttribute("href");
  const answer = await page.request.get(new URL(sheet ?? "", page.url()).href);
  assert.match(answer.headers()["content-type"] ?? "", /^image\/svg/);
  await assertNoSideways(page);
}

async function everythingOpen({ page }: Visit): Promise<void> {
  await page.getByText("Inside the run").click();
  await page.getByRole("button", { name: "Look inside" }).click();
  await page.locator(".heat-map").first().waitFor({ timeout: 60_000 });
  await filmstrip(page);
  await page.getByRole("button", { name: "Compare cutoffs" }).click();
  await page.getByRole("link", { name: "Contact sheet" }).waitFor({ timeout: 120_000 });
  await page.getByText("Advanced").click();
  await page.getByText("This request as curl").click();
  await assertAccessible(page);
  await page.getByLabel("Guidance", { exact: true }).fill("99");
  await page.locator(".field-guidance_scale .error").waitFor();
  await assertAccessible(page);
}

/** Answers a request in the service's place with a refusal that passes. */
async function refuseOnce(route: Route): Promise<void> {
  const problem = { ...createProblem("rate_limited", "Requests must be fewer"), retry_after: 3 };
  const headers = { "content-type": "application/problem+json", "retry-after": "3" };
  await route.fulfill({ status: 429, headers, body: JSON.stringify(problem) });
}

/** A little over a second, since effects run a frame late. */
const SECOND_MS = 1_100;

async function waitAndTryAgain({ page }: Visit): Promise<void> {
  let submissions = 0;
  await page.route("**/v1/generations", async (route) => {
    await (submissions++ === 0 ? refuseOnce(route) : route.continue());
  });
  await page.clock.pauseAt(Date.now() + 60_000);
  await runButton(page).click();
  const waiting = (seconds: number) =>
    page.getByRole("button", { name: `Try again in ${seconds}\u00a0s`, exact: true });
  await waiting(3).waitFor();
  assert.equal(await page.locator("#general-error").innerText(), "Requests must be fewer");
  await page.clock.runFor(SECOND_MS);
  await waiting(2).waitFor();
  await waiting(2).click({ force: true });
  await page.getByRole("textbox", { name: "Prompt", exact: true }).press("Enter");
  await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("a red boat");
  await page.clock.runFor(SECOND_MS);
  await waiting(1).waitFor();
  assert.equal(submissions, 1, "nothing is sent while it waits");
  await page.clock.runFor(60_000);
  await runButton(page).waitFor();
  assert.equal(submissions, 1, "nothing is sent by itself");
  await page.clock.resume();
  await runButton(page).click();
  await filmstrip(page);
  assert.equal(submissions, 2);
}

/** Passes the real run on, but as flagged by the safety checker. */
async function flagImage(route: Route): Promise<void> {
  const request = route.request();
  const response = await fetch(request.url(), {
    method: request.method(),
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: request.postData(),
  });
  const body = (await response.text())
    .replace(
      /(?<="type":"generation.image".*)(?:,"safety":null)?\}\n/,
      ',"safety":{"flagged":true}}\n',
    );
  await route.fulfill({ contentType: "text/event-stream", body });
}

async function unveil({ page }: Visit): Promise<void> {
  await page.route("**/v1/generations", flagImage);
  await runButton(page).click();
  const veil = page.getByRole("button", { name: "The model’s safety checker flagged this image" });
  await veil.waitFor({ timeout: 60_000 });
  const blurs = () =>
    page.evaluate<boolean[]>(
      `[...document.querySelectorAll(".picture, .filmstrip img")]
        .map((image) => getComputedStyle(image).filter !== "none")`,
    );
  assert.deepEqual([...new Set(await blurs())], [true], "the image and each preview");
  assert.match(await page.locator(".picture").getAttribute("alt") ?? "", /^Blurred: /);
  await veil.focus();
  await page.keyboard.press("Enter");
  await veil.waitFor({ state: "detached" });
  assert.deepEqual([...new Set(await blurs())], [false]);
  assert.equal(await page.evaluate("document.activeElement?.className"), "stage");
}

Deno.test("The page", async (t) => {
  const service: Service = await openService();
  const browser = await launchBrowser();
  const on =
    (query: string, look: (visit: Visit) => Promise<void>, options: VisitOptions = {}) => () =>
      visit(browser, service.url + query, options, look);
  try {
    await t.step(
      "Type, run, see previews and the image; run again, from cache",
      on(freshQuery({}), async (page) => {
        await typeAndRun(page);
        await runAgain(page);
      }, DESKTOP),
    );
    await t.step("The cutoff and the swap show in plan and link", on(freshQuery({}), cutHalfWay));
    await t.step(
      "Guidance interval, delta tail and text states show in plan, chips and run",
      on(freshQuery({}), instrument),
    );
    await t.step("Bad input gets a sentence beside its field", on(freshQuery({}), showErrors));
    await t.step("The keyboard alone is enough", on(freshQuery({}), keyboardOnly));
    await t.step(
      "Cutoffs are compared in a row, for the rows that they do not share",
      on(freshQuery({ num_inference_steps: "10" }), compareCutoffs, PHONE),
    );
    for (const colorScheme of ["light", "dark"] as const) {
      await t.step(
        `Everything open, and then wrong, is accessible in ${colorScheme} colours`,
        on(
          freshQuery({ num_inference_steps: "10", guided_to: "0.5", swap_prompt: "a brown chair" }),
          everythingOpen,
          { colorScheme },
        ),
      );
    }
    await t.step(
      "A refusal that passes is counted down, and nothing is sent meanwhile",
      on(freshQuery({}), waitAndTryAgain, { prepare: (page) => page.clock.install() }),
    );
    await t.step(
      "A flagged image is blurred behind a button that says why",
      on(freshQuery({}), unveil, PHONE),
    );
    await t.step(
      "Escape cancels",
      on(freshQuery({ num_inference_steps: "200" }), escapeCancels),
    );
    await t.step(
      "A phone shows everything without scrolling sideways",
      on(freshQuery({ swap_prompt: "a brown chair" }), async ({ page }) => {
        await assertNoSideways(page);
        assert.equal(await page.locator(".gallery").count(), 0, "no demos, no gallery");
        await page.getByText("Advanced").click();
        await page.getByText("This request as curl").click();
        await runButton(page).click();
        await filmstrip(page);
        await assertNoSideways(page);
      }, {
        ...PHONE,
        prepare: (page) =>
          page.route("**/v1/demos", (route) => route.fulfill({ json: { demos: [] } })),
      }),
    );
  } finally {
    await browser.close();
    await service.stop();
  }
});
