import { list, text } from '#cli';
import { parseRetentionFlag, type RetentionRule } from '#registry';
import { parseDurationNs } from '#std/duration';
import { fail } from '#std/errors';

/** The flags that say what goes by itself, for what serves and for what collects. */
export const garbageFlags = {
  retain: list('Rule for tags and untagged manifests that go', { type: 'RULE' }),
  grace: text('How long what nothing names stays', { type: 'DURATION', initial: '24h', shownDefault: '24h' }),
  'upload-life': text('How long an upload may rest', { type: 'DURATION', initial: '24h', shownDefault: '24h' }),
};

/** A flag's duration in milliseconds. */
export function durationMs(flag: string, value: string): number {
  const ns = parseDurationNs(value);
  if (ns === undefined || ns < 0) throw fail('invalid-argument', `--${flag}: ${value} is no duration (24h, 30m)`);
  return Math.round(ns / 1e6);
}

/** The values of those flags. */
export function readGarbageFlags(flags: { retain: readonly string[]; grace: string; 'upload-life': string }): {
  rules: RetentionRule[];
  graceMs: number;
  uploadLifeMs: number;
} {
  return {
    rules: flags.retain.map(parseRetentionFlag),
    graceMs: durationMs('grace', flags.grace),
    uploadLifeMs: durationMs('upload-life', flags['upload-life']),
  };
}

/** What `--retain` takes, for the help. */
export const retainHelp =
  'A RULE is repositories=GLOB[,tags=GLOB][,keep-last=N][,max-age-days=N][,untagged-days=N]: of the tags that it fits ' +
  'those go that are neither among the newest N nor younger than N days; manifests without a tag go after N days. The first ' +
  'rule that fits decides.';
