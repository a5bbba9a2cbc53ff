/** As much of protobuf's wire format as an ONNX file is written with. */

/** A field of the kind that says its length first: a message, a string or bytes. */
export function message(field: number, ...content: readonly Uint8Array[]): Uint8Array {
  const whole = join(content);
  return join([opening(field, whole.length), whole]);
}

/** What such a field begins with; its content, of this length, may follow from elsewhere. */
export function opening(field: number, length: number): Uint8Array {
  return Uint8Array.from([...varint(field << 3 | 2), ...varint(length)]);
}

export function text(field: number, content: string): Uint8Array {
  return message(field, new TextEncoder().encode(content));
}

export function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(field << 3), ...varint(value)]);
}

/** Seven bits a byte, lowest first; the top bit says that more follow. */
function varint(value: number): number[] {
  return value < 0x80 ? [value] : [value & 0x7f | 0x80, ...varint(value >> 7)];
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
