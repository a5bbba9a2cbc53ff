/** Shows numbers of bytes as people read them, in powers of 1000 like disks and networks. */
const UNITS = ["B", "kB", "MB", "GB", "TB"];

export function showBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  return `${power === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}
