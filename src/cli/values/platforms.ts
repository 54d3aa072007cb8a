import { type Platform, parsePlatform } from '#oci';
import { fail, messageOf } from '#std/errors';
import { type Flag, text } from '../grammar/flag.ts';

/** The `--platform` flag. Whether it can be one is said by the command, and not as a matter of grammar. */
export const platformFlag = (summary: string, extra: { hidden?: boolean } = {}): Flag<string> =>
  text(summary, { ...extra, completes: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'] });

/**
 * The platform as the API's newer endpoints take it, undefined when none was asked for. `what` is what docker's command says
 * before the words of the error.
 * @throws `invalid-argument`
 */
export function apiPlatform(value: string, what = ''): string | undefined {
  if (value === '') return undefined;
  let platform: Platform;
  try {
    platform = parsePlatform(value);
  } catch (error) {
    throw fail('invalid-argument', `${what}${messageOf(error)}`, error);
  }
  const { architecture, os, osVersion, variant } = platform;
  return JSON.stringify({
    architecture,
    os,
    ...(osVersion !== undefined && { 'os.version': osVersion }),
    ...(variant !== undefined && { variant }),
  });
}
