/** The inference thread: loads graphs and runs them, one question after the other. */
import { type MessagePort, parentPort } from "node:worker_threads";
import type { Answered, Answers, Asked, Question, TensorForm } from "./inference_message.ts";
import {
  type CheckedTensors,
  type NativeSession,
  openNativeSession,
  tryProvider,
} from "./native_session.ts";

const sessions = new Map<number, NativeSession>();
let opened = 0;

/** The first message is the port over which everything else is asked. */
parentPort?.once("message", (port: MessagePort) => {
  port.addEventListener("message", async (event) => {
    if (!(event instanceof MessageEvent)) return;
    const [answered, transferred] = await reply(event.data);
    port.postMessage(answered, transferred);
  });
  port.start();
});

async function reply({ id, question }: Asked): Promise<[Answered, ArrayBuffer[]]> {
  try {
    const value = await answer(question);
    return [{ id, value }, buffersOf(value)];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [{ id, failure: { message, ofInput: error instanceof RangeError } }, []];
  }
}

async function answer(question: Question): Promise<Answers[keyof Answers]> {
  switch (question.ask) {
    case "load": {
      const { file, expected, options } = question;
      const native = await openNativeSession(file, expected, options);
      const session = opened++;
      sessions.set(session, native);
      return { session, inputs: formsOf(native.inputs), outputs: formsOf(native.outputs) };
    }
    case "run":
      return await sessionOf(question).run(question.feeds, question.wanted);
    case "release":
      await sessionOf(question).release();
      sessions.delete(question.session);
      return null;
    case "probe":
      return await tryProvider(question.executionProvider);
  }
}

function sessionOf({ session }: { readonly session: number }): NativeSession {
  const native = sessions.get(session);
  if (!native) throw new Error(`Session ${session} has been released`);
  return native;
}

function formsOf(tensors: CheckedTensors): Map<string, TensorForm> {
  return new Map([...tensors].map(([name, { type, shape }]) => [name, { type, shape }]));
}

/** Results are handed over, not copied. */
function buffersOf(value: Answers[keyof Answers]): ArrayBuffer[] {
  if (value === null || typeof value === "string" || !("milliseconds" in value)) return [];
  const buffers = Object.values(value.value).map(({ data }) => data.buffer);
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer);
}
