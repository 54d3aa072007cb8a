import { printValue } from './values.ts';

function printVerb(verb: string, value: unknown, flags: string, precision: number | undefined): string {
  switch (verb) {
    case 'd':
      return typeof value === 'number' ? String(Math.trunc(value)) : `%!d(${printValue(value)})`;
    case 'f':
      return Number(value).toFixed(precision ?? 6);
    case 'g':
      return precision === undefined ? String(value) : String(Number(Number(value).toPrecision(precision)));
    case 'q':
      return JSON.stringify(printValue(value));
    case 'x':
    case 'X': {
      const text =
        typeof value === 'number' ? Math.trunc(value).toString(16) : Buffer.from(printValue(value)).toString('hex');
      return verb === 'X' ? text.toUpperCase() : text;
    }
    case 's':
      return printValue(value).slice(0, precision);
    case 't':
    case 'v':
      return flags.includes('#') ? JSON.stringify(value) : printValue(value);
    default:
      return `%!${verb}(${printValue(value)})`;
  }
}

/** Go's Sprintf for the verbs that templates use: `%s %d %v %t %q %x %X %f %g %%`, with width, precision and flags. */
export function printf(format: string, values: readonly unknown[]): string {
  let index = 0;
  const text = format.replace(
    /%([-+# 0]*)(\d+)?(?:\.(\d+))?(.)/gs,
    (_, flags: string, width: string | undefined, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%';
      if (index >= values.length) return `%!${verb}(MISSING)`;
      const value = values[index++];
      let printed = printVerb(verb, value, flags, precision === undefined ? undefined : Number(precision));
      if (flags.includes('+') && typeof value === 'number' && value >= 0) printed = `+${printed}`;
      const columns = Number(width ?? 0);
      if (flags.includes('-')) return printed.padEnd(columns);
      return printed.padStart(columns, flags.includes('0') && typeof value === 'number' ? '0' : ' ');
    },
  );
  return index < values.length ? `${text}%!(EXTRA ${values.slice(index).map(printValue).join(', ')})` : text;
}
