import { constants } from 'node:os';
import { fail } from '#std/errors';

const numbers: ReadonlyMap<string, number> = new Map(Object.entries(constants.signals));
const lastSignal = 64;

/**
 * The number of a signal given as `SIGTERM`, `TERM`, `term`, `15` or `RTMIN+3`; throws `invalid-argument`
 * (`invalid signal: x`) in Docker's words.
 */
export function signalNumber(text: string): number {
  if (/^[+-]?\d+$/.test(text)) {
    const number = Number(text);
    if (number >= 1 && number <= lastSignal) return number;
    const isZero = number === 0;
    throw fail(
      'invalid-argument',
      isZero ? `invalid signal: ${text}` : `the linux daemon does not support signal ${text}`,
    );
  }
  const name = text.toUpperCase().replace(/^(SIG)?/, 'SIG');
  const realTime = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  const offset = Number(`${realTime?.[2] ?? '+'}${realTime?.[3] ?? 0}`);
  const number = realTime ? (realTime[1] === 'MIN' ? 34 : lastSignal) + offset : numbers.get(name);
  if (number === undefined || number < 1 || number > lastSignal) {
    throw fail('invalid-argument', `invalid signal: ${text}`);
  }
  return number;
}
