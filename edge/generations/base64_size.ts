/**
 * Returns the number of bytes in a base64 text, without decoding it. Pure. @param text without
 * spaces
 */
export function base64Size(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return Math.floor((text.length - padding) * 3 / 4);
}
