import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One archive that apt is configured with. */
export interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
}

/** Reads the one-line format: `deb [options] uri suite component…` (sources.list(5)). */
export function parseOneLineSources(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line);
    return match?.[1] === undefined || match[2] === undefined ? [] : [{ uri: match[1], suites: [match[2]] }];
  });
}

/** Reads the deb822 format: stanzas of `Field: value`, lists separated by white space (sources.list(5)). */
export function parseStanzaSources(text: string): AptSource[] {
  return text
    .replace(/^#.*\n?/gm, '')
    .split(/\n\s*\n/)
    .flatMap((stanza) => {
      const field = (name: string): string[] => {
        const value = new RegExp(`^${name}:((?:.*)(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1] ?? '';
        return value.split(/\s+/).filter((word) => word !== '');
      };
      if (!field('Types').includes('deb') || field('Enabled')[0]?.toLowerCase() === 'no') return [];
      return field('URIs').map((uri) => ({ uri, suites: field('Suites') }));
    });
}

/** All archives that the host's apt is configured with, in the order in which apt reads them. */
export function readAptSources(directory = '/etc/apt'): AptSource[] {
  const main = join(directory, 'sources.list');
  const parts = join(directory, 'sources.list.d');
  const files = existsSync(parts) ? readdirSync(parts).sort() : [];
  return [
    ...(existsSync(main) ? parseOneLineSources(readFileSync(main, 'utf8')) : []),
    ...files.flatMap((name) => {
      if (name.endsWith('.list')) return parseOneLineSources(readFileSync(join(parts, name), 'utf8'));
      return name.endsWith('.sources') ? parseStanzaSources(readFileSync(join(parts, name), 'utf8')) : [];
    }),
  ];
}

/**
 * The mirror to take the release `codename` of Debian from: the one configured for it; else the one of a release of its
 * own kind (a mirror holds all of them). Undefined when apt knows none.
 */
export function mirrorOf(codename: string, sources: readonly AptSource[]): string | undefined {
  // debootstrap cannot take `mirror:`, `cdrom:` and the like. A suite with a slash or a dash is no plain release.
  const usable = sources.filter(({ uri }) => /^(?:https?|file):/.test(uri));
  const exact = usable.find(({ suites }) => suites.includes(codename));
  const plain = usable.find(
    ({ uri, suites }) => /\/debian\/?$/.test(uri) && suites.some((suite) => /^[a-z]+$/.test(suite)),
  );
  return (exact ?? plain)?.uri;
}
