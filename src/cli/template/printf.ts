import { goType, jsonOf, printValue, structName } from './values.ts';

const wrong = (verb: string, value: unknown): string =>
  value === null || value === undefined ? `%!${verb}(<nil>)` : `%!${verb}(${goType(value)}=${printValue(value)})`;

const radix: Readonly<Record<string, number>> = { d: 10, b: 2, o: 8, x: 16, X: 16 };

function printInteger(verb: string, value: number, flags: string): string {
  const digits = value.toString(radix[verb] ?? 10);
  const prefix = flags.includes('#') && verb.toLowerCase() === 'x' ? '0x' : '';
  return verb === 'X' ? (prefix + digits).toUpperCase() : prefix + digits;
}

function printNumber(verb: string, value: number, flags: string, precision: number | undefined): string {
  if (Object.hasOwn(radix, verb)) {
    return Number.isInteger(value) ? printInteger(verb, value, flags) : wrong(verb, value);
  }
  switch (verb) {
    case 'f':
    case 'F':
    case 'e':
    case 'g':
      if (Number.isInteger(value) && verb !== 'e' && precision === undefined) return wrong(verb, value);
      if (verb === 'e') return value.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2');
      if (verb === 'g') return precision === undefined ? String(value) : String(Number(value.toPrecision(precision)));
      return value.toFixed(precision ?? 6);
    case 'c':
      return String.fromCodePoint(value);
    case 'q':
      return `'${String.fromCodePoint(value)}'`;
    default:
      return wrong(verb, value);
  }
}

function printText(verb: string, value: string, precision: number | undefined): string {
  switch (verb) {
    case 's':
      return [...value].slice(0, precision).join('');
    case 'q':
      return JSON.stringify(value);
    case 'x':
      return Buffer.from(value).toString('hex');
    case 'X':
      return Buffer.from(value).toString('hex').toUpperCase();
    default:
      return wrong(verb, value);
  }
}

function printVerb(verb: string, value: unknown, flags: string, precision: number | undefined): string {
  if (verb === 'v') {
    if (flags.includes('#')) return value === null || value === undefined ? '<nil>' : jsonOf(value);
    return value === undefined ? '<nil>' : printValue(value);
  }
  if (verb === 'T') return goType(value);
  if (Array.isArray(value)) return `[${value.map((item) => printVerb(verb, item, flags, precision)).join(' ')}]`;
  if (typeof value === 'number') return printNumber(verb, value, flags, precision);
  if (typeof value === 'string') return printText(verb, value, precision);
  if (typeof value === 'boolean' && verb === 't') return String(value);
  if (verb === 's' && structName(value) === undefined && typeof value === 'object' && value !== null) {
    return printValue(value);
  }
  return wrong(verb, value);
}

/** Go's Sprintf for the verbs that templates use, with width, precision and flags. */
export function printf(format: string, values: readonly unknown[]): string {
  let index = 0;
  const text = format.replace(
    /%([-+# 0]*)(\d+)?(?:\.(\d*))?(.)?/gs,
    (_, flags: string, width: string | undefined, precision: string | undefined, verb: string | undefined) => {
      if (verb === undefined) return '%!(NOVERB)';
      if (verb === '%') return '%';
      if (index >= values.length) return `%!${verb}(MISSING)`;
      const value = values[index++];
      let printed = printVerb(verb, value, flags, precision === undefined ? undefined : Number(precision));
      const isNumber = typeof value === 'number';
      if (isNumber && value >= 0 && flags.includes('+')) printed = `+${printed}`;
      else if (isNumber && value >= 0 && flags.includes(' ')) printed = ` ${printed}`;
      const columns = Number(width ?? 0);
      if (flags.includes('-')) return printed.padEnd(columns);
      return printed.padStart(columns, flags.includes('0') && isNumber ? '0' : ' ');
    },
  );
  if (index >= values.length) return text;
  const extra = values.slice(index).map((value) => `${goType(value)}=${printValue(value)}`);
  return `${text}%!(EXTRA ${extra.join(', ')})`;
}
