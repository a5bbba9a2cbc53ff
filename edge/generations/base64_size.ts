/** The number of bytes that a base64 text stands for, without decoding it. Pure. @param text unbroken by spaces */
export function base64Size(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return Math.floor((text.length - padding) * 3 / 4);
}
