import { parseRetention, parseRetentionFlag, type RetentionRule } from '#registry';
import { isMapping, type Values } from './values.ts';

/** The settings that say what goes by itself, for what serves and for what collects. */
export const garbageSettings = ['retain', 'grace', 'upload-life'];

function ruleOf(item: unknown): RetentionRule[] {
  if (!isMapping(item)) return [parseRetentionFlag(String(item))];
  const camel = (key: string): string => key.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return parseRetention([Object.fromEntries(Object.entries(item).map(([key, value]) => [camel(key), value]))]);
}

/** What is set of that. Throws `invalid-argument`. */
export function readGarbage(values: Values): { rules: RetentionRule[]; graceMs: number; uploadLifeMs: number } {
  return {
    rules: values.list('retain').flatMap(ruleOf),
    graceMs: values.duration('grace') ?? 0,
    uploadLifeMs: values.duration('upload-life') ?? 0,
  };
}

/** What `--retain` takes, for the help. */
export const retainHelp =
  'A RULE is repositories=GLOB[,tags=GLOB][,keep-last=N][,max-age-days=N][,untagged-days=N]: of the tags that it fits ' +
  'those go that are neither among the newest N nor younger than N days; manifests without a tag go after N days. The first ' +
  'rule that fits decides.';
