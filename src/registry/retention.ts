import { fail } from '#std/errors';
import type { ManifestAge, TagAge } from './catalogue-garbage.ts';

/** What goes by itself. The first rule that fits a repository and a tag decides; what no rule fits stays. */
export interface RetentionRule {
  /** Glob of repositories: `*` is one part of a name, `**` any number of them. */
  readonly repositories: string;
  /** Glob of tags; all by default. */
  readonly tags?: string;
  /** The newest so many of these tags stay. */
  readonly keepLast?: number;
  /** Tags that are younger stay. */
  readonly maxAgeDays?: number;
  /** Manifests that have had no tag, and were not asked for, for so long go. */
  readonly untaggedDays?: number;
}

const fields = {
  repositories: 'text',
  tags: 'text',
  keepLast: 'number',
  maxAgeDays: 'number',
  untaggedDays: 'number',
} as const;

const dayMs = 86_400_000;

function checkRule(value: unknown): RetentionRule {
  if (typeof value !== 'object' || value === null) throw fail('invalid-argument', 'a retention rule is an object');
  for (const [name, item] of Object.entries(value)) {
    const kind = Object.hasOwn(fields, name) ? fields[name as keyof typeof fields] : undefined;
    if (kind === undefined) throw fail('invalid-argument', `a retention rule has no ${name}`);
    const fits = kind === 'text' ? typeof item === 'string' && item !== '' : typeof item === 'number' && item >= 0;
    if (!fits) throw fail('invalid-argument', `${name} of a retention rule is no ${kind}`);
  }
  const rule = value as RetentionRule;
  if (rule.repositories === undefined) throw fail('invalid-argument', 'a retention rule lacks repositories');
  if (rule.keepLast !== undefined && !Number.isInteger(rule.keepLast)) {
    throw fail('invalid-argument', 'keepLast of a retention rule is no whole number');
  }
  if (rule.keepLast === undefined && rule.maxAgeDays === undefined && rule.untaggedDays === undefined) {
    throw fail('invalid-argument', 'a retention rule says none of keepLast, maxAgeDays and untaggedDays');
  }
  return rule;
}

/** Rules from a configuration; throws `invalid-argument`. */
export function parseRetention(value: unknown): RetentionRule[] {
  if (!Array.isArray(value)) throw fail('invalid-argument', 'retention is no list of rules');
  return value.map(checkRule);
}

/** A rule from a flag: `repositories=team/**,tags=v*,keep-last=10,max-age-days=90,untagged-days=7`. */
export function parseRetentionFlag(text: string): RetentionRule {
  const entries = text.split(',').map((part) => {
    const [key = '', ...rest] = part.split('=');
    const name = key.trim().replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    const value = rest.join('=');
    const isNumber = Object.hasOwn(fields, name) && fields[name as keyof typeof fields] === 'number';
    return [name, isNumber && value.trim() !== '' ? Number(value) : value] as const;
  });
  return checkRule(Object.fromEntries(entries));
}

const fits = (glob: string, text: string): boolean => new Bun.Glob(glob).match(text);

/** Tags that go by the rules, and why. */
export function expiredTags(
  rules: readonly RetentionRule[],
  repository: string,
  tags: readonly TagAge[],
  now: number,
): Map<string, string> {
  const expired = new Map<string, string>();
  const mine = rules.filter((rule) => fits(rule.repositories, repository));
  let left = [...tags].sort((one, other) => other.taggedAtMs - one.taggedAtMs || (one.name < other.name ? 1 : -1));
  for (const { tags: glob = '*', keepLast, maxAgeDays } of mine) {
    const matching = left.filter(({ name }) => fits(glob, name));
    left = left.filter((tag) => !matching.includes(tag));
    if (keepLast === undefined && maxAgeDays === undefined) continue;
    for (const { name, taggedAtMs } of matching.slice(keepLast ?? 0)) {
      const ageDays = (now - taggedAtMs) / dayMs;
      if (maxAgeDays !== undefined && ageDays <= maxAgeDays) continue;
      const reasons = [
        ...(keepLast === undefined ? [] : [`not among the newest ${keepLast} of ${glob}`]),
        ...(maxAgeDays === undefined ? [] : [`older than ${maxAgeDays} days`]),
      ];
      expired.set(name, reasons.join(' and '));
    }
  }
  return expired;
}

export interface RepositoryContent {
  readonly manifests: readonly ManifestAge[];
  /** Those that stay. */
  readonly tagged: ReadonlySet<string>;
  /** Those whose tags have gone just now. */
  readonly released: ReadonlySet<string>;
  readonly parts: readonly { readonly parent: string; readonly child: string }[];
}

/**
 * Manifests that go, and why. What has a tag stays, and with it what it names and what refers to it. Of the rest stays what was
 * pushed or asked for within the grace, and what neither lost its tags now nor is older than the rule for the untagged says.
 */
export function expiredManifests(
  rules: readonly RetentionRule[],
  repository: string,
  { manifests, tagged, released, parts }: RepositoryContent,
  { now, graceMs }: { readonly now: number; readonly graceMs: number },
): Map<string, string> {
  const rule = rules.find(
    ({ repositories, untaggedDays }) => untaggedDays !== undefined && fits(repositories, repository),
  );
  const present = new Set(manifests.map(({ digest }) => digest));
  const children = Map.groupBy(parts, ({ parent }) => parent);
  const named = new Set(parts.map(({ child }) => child));
  const referrers = Map.groupBy(manifests, ({ subject }) => subject ?? '');
  const isAged = (at: number): boolean => rule?.untaggedDays !== undefined && now - at > rule.untaggedDays * dayMs;
  const kept = new Set<string>();
  const keep = (digest: string): void => {
    const waiting = [digest];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (kept.has(next)) continue;
      kept.add(next);
      waiting.push(...(children.get(next) ?? []).map(({ child }) => child));
      waiting.push(...(referrers.get(next) ?? []).map((referrer) => referrer.digest));
    }
  };
  for (const { digest, subject, changedAtMs } of manifests) {
    const standsAlone = !named.has(digest) && !(subject !== null && present.has(subject));
    const stays = standsAlone && !released.has(digest) && !isAged(changedAtMs);
    if (tagged.has(digest) || now - changedAtMs < graceMs || stays) keep(digest);
  }
  const reasonFor = ({ digest, subject, changedAtMs }: ManifestAge): string => {
    if (released.has(digest)) return 'its last tag went';
    if (isAged(changedAtMs)) return `untagged for ${rule?.untaggedDays} days`;
    return subject !== null && present.has(subject) ? 'what it refers to went' : 'the index that names it went';
  };
  return new Map(manifests.filter(({ digest }) => !kept.has(digest)).map((gone) => [gone.digest, reasonFor(gone)]));
}
