import { readFileSync } from 'node:fs';
import { fail, messageOf } from '#std/errors';

/**
 * The profile that `seccomp-profile` names, as containers take it: the JSON text of a file, `unconfined`, or undefined for
 * the built-in one. Throws `invalid-argument`.
 */
export function readSeccompProfile(setting: string): string | undefined {
  if (setting === 'builtin') return undefined;
  if (setting === 'unconfined') return setting;
  let text: string;
  try {
    text = readFileSync(setting, 'utf8');
  } catch (error) {
    const reason = messageOf(error)
      .replace(/^ENOENT: /, '')
      .replace(/, open .*/, '');
    throw fail('invalid-argument', `opening seccomp profile (${setting}) failed: open ${setting}: ${reason}`);
  }
  try {
    JSON.parse(text);
  } catch (error) {
    throw fail('invalid-argument', `decoding seccomp profile (${setting}) failed: ${messageOf(error)}`);
  }
  return text;
}
