import { fail } from '#std/errors';

/** The options of a log driver as they were given. */
export type LogDriverOptions = Readonly<Record<string, string>>;

/** A log option whose value makes no sense. Docker finds that out when it starts the container; here nothing is created. */
export function badOption(reason: string): Error {
  return fail('invalid-argument', `failed to initialize logging driver: ${reason}`);
}

const decimalUnits = ' kmgtp';

/** A size as Docker's log drivers take it: `10m` is ten million bytes. Undefined when it is none. */
export function decimalSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)b?$/i.exec(text);
  if (match === null) return undefined;
  return Math.floor(Number(match[1]) * 1000 ** decimalUnits.indexOf((match[2] || ' ').toLowerCase()));
}

/** A size in powers of 1024, as Docker takes that of a buffer. Undefined when it is none. */
export function binarySize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text);
  if (match === null) return undefined;
  return Math.floor(Number(match[1]) * 1024 ** decimalUnits.indexOf((match[2] || ' ').toLowerCase()));
}

/** A whole number; throws what Go's strconv says, behind `prefix`. */
export function wholeNumber(text: string, prefix = ''): number {
  if (!/^[+-]?\d{1,15}$/.test(text))
    throw badOption(`${prefix}strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

const trueWords = ['1', 't', 'T', 'true', 'TRUE', 'True'];
const falseWords = ['0', 'f', 'F', 'false', 'FALSE', 'False'];

/** What Go's strconv takes for a boolean; undefined when it is none. */
export function booleanWord(text: string): boolean | undefined {
  if (trueWords.includes(text)) return true;
  return falseWords.includes(text) ? false : undefined;
}

/** A boolean; throws what Go's strconv says, behind `prefix`. */
export function booleanOption(text: string, prefix = ''): boolean {
  const value = booleanWord(text);
  if (value === undefined)
    throw badOption(`${prefix}strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
  return value;
}
