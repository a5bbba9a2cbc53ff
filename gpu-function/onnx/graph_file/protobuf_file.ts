/**
 * Walks the protobuf wire format of a file and reads only what is asked for. A model's weights are
 * fields like any other, gigabytes long, and decoders of whole messages would load them all.
 * https://protobuf.dev/programming-guides/encoding/
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

export interface ProtobufField {
  readonly number: number;
  /** Value of a varint; 0 for other wire types. */
  readonly value: number;
  /** First byte of the field, which is that of its tag. */
  readonly tag: number;
  /** First byte of the payload in the file; `end` is excluded. */
  readonly start: number;
  readonly end: number;
}

export interface ProtobufFile {
  readonly size: number;
  /**
   * Yields the fields of the message in this range of bytes.
   * @throws RangeError when a field reaches beyond it
   */
  fields(start: number, end: number): Generator<ProtobufField>;
  text(field: ProtobufField): string;
  bytes(field: Pick<ProtobufField, "start" | "end">): Uint8Array;
  close(): void;
}

const WINDOW = 16 * 1024;

export function openProtobufFile(file: string): ProtobufFile {
  const handle = openSync(file, "r");
  const { size } = fstatSync(handle);
  const read = (into: Uint8Array, position: number) =>
    readSync(handle, into, 0, into.length, position);
  return { ...protobufOver(size, read), close: () => closeSync(handle) };
}

/** The same over bytes in memory. */
export function protobufIn(bytes: Uint8Array): Omit<ProtobufFile, "close"> {
  return protobufOver(bytes.length, (into, position) => {
    const part = bytes.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  });
}

/** @param read fills `into` from a position as far as there are bytes, and returns their number */
function protobufOver(
  size: number,
  read: (into: Uint8Array, position: number) => number,
): Omit<ProtobufFile, "close"> {
  const window = new Uint8Array(WINDOW);
  let windowStart = 0;
  let windowEnd = 0;

  function byteAt(position: number): number {
    if (position < windowStart || position >= windowEnd) {
      windowStart = position;
      windowEnd = position + read(window, position);
    }
    const byte = position < windowEnd ? window[position - windowStart] : undefined;
    if (byte === undefined) throw new RangeError(`it ends in the middle, after ${size} bytes`);
    return byte;
  }

  function varint(start: number): { value: number; next: number } {
    let value = 0n;
    for (let i = 0; i < 10; i++) {
      const byte = byteAt(start + i);
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return { value: Number(BigInt.asIntN(64, value)), next: start + i + 1 };
    }
    throw new RangeError(`byte ${start} begins no number`);
  }

  function* fields(start: number, end: number): Generator<ProtobufField> {
    let position = start;
    while (position < end) {
      const tag = varint(position);
      const payload = payloadAt(tag.value & 7, tag.next, varint);
      if (payload.end > end) {
        const missing = payload.end - end;
        throw new RangeError(`it is cut: a field at byte ${position} lacks ${missing} bytes`);
      }
      yield { number: Math.floor(tag.value / 8), tag: position, ...payload };
      position = payload.end;
    }
  }

  function bytes({ start, end }: Pick<ProtobufField, "start" | "end">): Uint8Array {
    const into = new Uint8Array(end - start);
    read(into, start);
    return into;
  }

  const text = (field: ProtobufField) => new TextDecoder().decode(bytes(field));

  return { size, fields, text, bytes };
}

function payloadAt(
  wireType: number,
  start: number,
  varint: (start: number) => { value: number; next: number },
): Pick<ProtobufField, "value" | "start" | "end"> {
  switch (wireType) {
    case 0: {
      const { value, next } = varint(start);
      return { value, start, end: next };
    }
    case 1:
      return { value: 0, start, end: start + 8 };
    case 2: {
      const { value, next } = varint(start);
      if (value < 0) throw new RangeError(`a field at byte ${start} has a negative length`);
      return { value: 0, start: next, end: next + value };
    }
    case 5:
      return { value: 0, start, end: start + 4 };
    default:
      throw new RangeError(`byte ${start - 1} begins no field`);
  }
}
