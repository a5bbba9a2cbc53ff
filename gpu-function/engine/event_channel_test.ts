import assert from "node:assert/strict";
import { createEventChannel } from "./event_channel.ts";

Deno.test("a channel keeps order though an early value is ready late", async () => {
  const channel = createEventChannel<number>();
  const late = Promise.withResolvers<number>();
  channel.send(late.promise);
  channel.send(2);
  channel.end();
  const reading = Array.fromAsync(channel);
  late.resolve(1);
  assert.deepEqual(await reading, [1, 2]);
});

Deno.test("a channel gives what was sent before it failed, then the error", async () => {
  const channel = createEventChannel<number>();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const value of channel) seen.push(value);
  })();
  channel.send(1);
  channel.fail(new Error("broken"));
  channel.end();
  await assert.rejects(reading, /broken/);
  assert.deepEqual(seen, [1]);
});

Deno.test("a value that fails after its reader left is no unhandled rejection", async () => {
  const channel = createEventChannel<number>();
  channel.send(Promise.reject(new Error("late")));
  channel.end();
  await Promise.resolve();
});
