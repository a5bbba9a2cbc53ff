/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { EVENTS, PLAN } from "../contract/fixtures/events.ts";
import { planningModel } from "../contract/fixtures/planning_model.ts";
import type { Progress } from "../contract/events/progress.ts";
import { parseGenerationRequest } from "../contract/request/generation_request.ts";
import { planGeneration } from "../contract/plan/planning.ts";
import { createProblem } from "../contract/problem.ts";
import { generalError, runLabel } from "./parts/ask.tsx";
import { fieldError, wholeFieldError } from "./parts/field.tsx";
import { IDLE, reduceGeneration } from "./state/generation_view.ts";
import { fileName, formatSeconds, paceLine, statusLine } from "./parts/outcome.tsx";
import { curlCommand } from "./parts/request_code.tsx";
import { stateNote, tokenWords } from "./parts/insights/token_chips.tsx";
import { secondsLeft, waitLabel } from "./state/use_wait.ts";

Deno.test("curlCommand() survives an apostrophe in a POSIX shell", async () => {
  const command = curlCommand({ prompt: "a bird's nest" }, "http://localhost:1");
  const script = command.replace(/^curl[\s\S]*-d/, "printf %s");
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), { prompt: "a bird's nest" });
});

Deno.test("tokenWords() shows words as typed, known or not, without the vocabulary's marks", () => {
  const { tokens } = planningModel().tokenizer.tokenize("a zebra bird");
  const named = (name: (token: string) => string) =>
    PLAN.tokens.prompt.map((token) => ({ ...token, token: name(token.token) }));
  const words = tokenWords(tokens).slice(0, 5);
  assert.deepEqual(words.map(({ word }) => word), ["[SOS]", "a", "zebra", "bird", "[EOS]"]);
  assert.equal(words[2]?.token.unknown, true);
  assert.equal(tokenWords(named((token) => `${token}</w>`))[2]?.word, "blue");
  assert.equal(tokenWords(named((token) => `▁${token}`))[2]?.word, "blue");
  assert.equal(tokenWords(named(() => "▁"))[2]?.word, "▁");
});

Deno.test("stateNote() says of a token what conditions in its place", () => {
  const request = parseGenerationRequest({
    prompt: "a bird",
    eos_swap: { prompt: "a chair", scope: "first" },
    token_states: { sos: "noise", semantic: "eos" },
  });
  assert(request.ok);
  const plan = planGeneration({ ...request.value, seed: 1 }, planningModel());
  assert(plan.ok);
  const notes = plan.value.tokens.prompt.map(stateNote);
  assert.deepEqual(notes.slice(0, 5), ["noise", "as [EOS]", "as [EOS]", "swapped", null]);
});

Deno.test("Every sentence of a problem has exactly one place", () => {
  const issue = (field: string) => ({ field, message: `${field}!`, allowed: "", given: "" });
  const placed = createProblem("unplannable", "", [issue("cutoff.a"), issue("seed")]);
  assert.equal(fieldError(placed, "cutoff"), "cutoff.a!");
  assert.equal(generalError(placed), null);
  const whole = createProblem("unplannable", "", [issue("eos_swap"), issue("eos_swap.to")]);
  assert.equal(wholeFieldError(whole, "eos_swap"), "eos_swap!");
  assert.equal(generalError(whole), null);
  const homeless = createProblem("invalid_request", "", [issue("seed"), issue("output_format")]);
  assert.equal(generalError(homeless), "output_format!");
  assert.match(generalError(createProblem("gpu_unavailable", "Down")) ?? "", /^Down\. Try again/);
});

Deno.test("A refusal that passes by itself is counted down on the button alone", () => {
  const busy = { ...createProblem("at_capacity", "All slots are busy"), retry_after: 2 };
  assert.equal(generalError(busy), "All slots are busy");
  assert.deepEqual([runLabel(busy, 2), runLabel(busy, 0), runLabel(null, 2), runLabel(null, 0)], [
    "Try again in 2\u00a0s",
    "Try again",
    "Try again in 2\u00a0s",
    "Run",
  ]);
  assert.deepEqual([119, 120, 121, 7140, 7141].map(waitLabel), [
    "Try again in 119\u00a0s",
    "Try again in 2\u00a0min",
    "Try again in 3\u00a0min",
    "Try again in 119\u00a0min",
    "Try again in 2\u00a0h",
  ]);
  assert.deepEqual([0, 1, 1000, 1001, 2001].map((now) => secondsLeft(2000, now)), [2, 2, 1, 1, 0]);
});

Deno.test("A refused prompt is told at the prompt", () => {
  const message = "prompt must be free of blocked words, given 1";
  const issue = { field: "prompt", message, allowed: "free of blocked words", given: "1" };
  const refused = createProblem("prompt_refused", message, [issue]);
  assert.deepEqual([fieldError(refused, "prompt"), generalError(refused)], [message, null]);
});

Deno.test("formatSeconds() and fileName() fit a person's eye", () => {
  assert.deepEqual([34, 1234, 12_300].map(formatSeconds), [
    "0.034\u00a0s",
    "1.2\u00a0s",
    "12\u00a0s",
  ]);
  assert.equal(fileName("A blue bird!", 7, "png"), "a-blue-bird-7.png");
});

Deno.test("A slow run says what it is doing, how long it has taken and what is left", () => {
  const report = {
    type: "generation.progress",
    activity: "loading",
    rows_done: 0,
    rows_planned: 30,
    row_ms: null,
    elapsed_ms: 0,
    remaining_ms: null,
    still_ms: 0,
  } as const;
  const at = (elapsedMs: number, changes: Partial<Progress> = {}) => {
    const event = { ...report, ...changes };
    const running = { ...IDLE, status: "running" } as const;
    const view = reduceGeneration(running, { type: "received", event, elapsedMs });
    return [statusLine(view), paceLine(view, elapsedMs)];
  };
  assert.deepEqual(at(2_900), ["Loading the model…", ""]);
  assert.deepEqual(at(3_000), ["Loading the model…", "3\u00a0s"]);
  const left = { activity: "denoising", remaining_ms: 190_000 } as const;
  assert.deepEqual(at(80_000, left)[1], "80\u00a0s, about 3\u00a0min left");
  assert.deepEqual(at(100_000, { activity: "decoding" })[1], "2\u00a0min, making the image");
});

Deno.test("statusLine() counts shared rows as evaluated, so that what was saved adds up", () => {
  const [completed] = EVENTS.filter((event) => event.type === "generation.completed");
  assert(completed);
  const lineOf = (spent: number, shared: number, cached: boolean, start = IDLE) => {
    const evaluations = { ...completed.evaluations, spent, shared };
    const event = { ...completed, evaluations, cached };
    return statusLine(reduceGeneration(start, { type: "received", event, elapsedMs: 40 }));
  };
  const seconds = "0.013\u00a0s";
  const saved = "10 saved (25\u00a0%)";
  assert.equal(lineOf(30, 0, false), `${seconds} · 30 evaluations, ${saved}`);
  assert.equal(lineOf(29, 1, false), `${seconds} · 30 evaluations, 1 of them shared, ${saved}`);
  assert.equal(lineOf(29, 1, true), `0.04\u00a0s instead of ${seconds}, without an evaluation`);
  const replay = reduceGeneration(IDLE, { type: "replayed" });
  assert.equal(lineOf(30, 0, false, replay), `${seconds} · 30 evaluations, ${saved}`);
  assert.equal(lineOf(30, 0, true, replay), `${seconds} · 30 evaluations, ${saved}`);
  const left = reduceGeneration({ ...replay, stepsDone: 3 }, { type: "left" });
  assert.equal(statusLine(left), "Stopped after step 3");
});
