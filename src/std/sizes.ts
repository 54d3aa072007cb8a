function printScaled(size: number, base: number, digits: number, units: readonly string[]): string {
  let value = size;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  // Significant digits, as `%.3g` gives them: trailing zeroes cut.
  const text = value >= 10 ** digits ? String(Math.round(value)) : String(Number(value.toPrecision(digits)));
  return `${text}${units[unit]}`;
}

/** A size in decimal units with `digits` significant digits: `4.21MB`. */
export function printSize(bytes: number, digits = 4): string {
  return printScaled(bytes, 1000, digits, ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']);
}

/** A size in binary units: `23.54GiB`. */
export function printBinarySize(bytes: number): string {
  return printScaled(bytes, 1024, 4, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']);
}
