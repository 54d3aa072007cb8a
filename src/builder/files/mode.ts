import { fail } from '#std/errors';

const specialBits = 0o7000;
const everybody = { u: 0o4700, g: 0o2070, o: 0o1007, a: 0o7777 } as const;
const bits = { r: 0o444, w: 0o222, x: 0o111, s: 0o6000, t: 0o1000 } as const;
const clause = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/;

function invalid() {
  return fail('invalid-argument', 'invalid syntax');
}

/** What one letter of `u+rwx` means of a file that has `mode`, for all three sorts of users. */
function bitsOf(permissions: string, mode: number, isDirectory: boolean): number {
  if (permissions === 'u' || permissions === 'g' || permissions === 'o') {
    const shift = { u: 6, g: 3, o: 0 }[permissions];
    return ((mode >> shift) & 7) * 0o111;
  }
  let value = 0;
  for (const letter of permissions) {
    if (letter === 'X') value |= isDirectory || (mode & bits.x) !== 0 ? bits.x : 0;
    else value |= bits[letter as keyof typeof bits];
  }
  return value;
}

function applyClause(text: string, before: number, isDirectory: boolean): number {
  const [, who = '', actions = ''] = clause.exec(text) ?? [];
  if (actions === '') throw invalid();
  let mask = 0;
  for (const one of who) mask |= everybody[one as keyof typeof everybody];
  // Without a word for whom it is for everybody, as BuildKit has it: chmod(1) heeds the umask.
  if (who === '') mask = everybody.a;
  let mode = before;
  for (const [, operator, permissions = ''] of actions.matchAll(/([-+=])([ugo]|[rwxXst]*)/g)) {
    const value = bitsOf(permissions, mode, isDirectory) & mask;
    if (operator === '+') mode |= value;
    else if (operator === '-') mode &= ~value;
    // The special bits of a directory stay unless they are named, as chmod(1) has it.
    else mode = (mode & ~(isDirectory ? mask & ~specialBits : mask)) | value;
  }
  return mode;
}

/** Permission bits after `--chmod`: a number, an octal number as text, or symbols as chmod(1) takes them. Throws `invalid-argument`. */
export function changedMode(change: number | string, before: number, isDirectory: boolean): number {
  if (typeof change === 'number') return change & 0o7777;
  if (/^[0-7]+$/.test(change)) return Number.parseInt(change, 8) & 0o7777;
  return change.split(',').reduce((mode, text) => applyClause(text, mode, isDirectory), before);
}
