import { runNftables } from '#linux/nftables';
import { messageOf } from '#std/errors';
import type { Family } from './facts.ts';

/** Where a host's own filter keeps what it does not know from passing, and in what order to look. */
const chains = ['DOCKER-USER', 'FORWARD'] as const;

function list(family: Family, chain: string): string | undefined {
  try {
    return runNftables(`list chain ${family} filter ${chain}`);
  } catch (error) {
    // Neither table nor chain: then nothing there stands in the way.
    if (messageOf(error).includes('No such file or directory')) return undefined;
    throw error;
  }
}

function comment(device: string): string {
  return `estiba ${device}`;
}

/** Device -> handles of our rules for it. */
function present(listing: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of listing.split('\n')) {
    const [, device, handle] = / comment "estiba (\S+)" # handle (\d+)$/.exec(line) ?? [];
    if (device !== undefined && handle !== undefined) found.set(device, [...(found.get(device) ?? []), handle]);
  }
  return found;
}

function deletions(family: Family, chain: string, handles: readonly string[]): string[] {
  return handles.map((handle) => `delete rule ${family} filter ${chain} handle ${handle}`);
}

function insertions(family: Family, chain: string, device: string): string[] {
  return ['iifname', 'oifname'].map(
    (direction) =>
      `insert rule ${family} filter ${chain} ${direction} "${device}" counter accept comment "${comment(device)}"`,
  );
}

/**
 * Lets packets of bridges pass the host's own filter, where its FORWARD chain drops by default (a drop is final in
 * nftables, whatever other tables accept). Docker keeps DOCKER-USER free for such rules. They are written as iptables
 * would, so that its tools go on to understand the chain. Does nothing when they are there.
 */
export function allowInHostFilter(family: Family, devices: readonly string[]): void {
  for (const chain of chains) {
    const listing = list(family, chain);
    if (listing === undefined) continue;
    if (chain !== 'DOCKER-USER' && !listing.includes('policy drop')) return;
    const rules = present(listing);
    const commands = devices.flatMap((device) => {
      const handles = rules.get(device) ?? [];
      return handles.length === 2 ? [] : [...deletions(family, chain, handles), ...insertions(family, chain, device)];
    });
    if (commands.length > 0) runNftables(commands.join('\n'));
    return;
  }
}

/** Takes those rules out again, wherever they are. */
export function forgetInHostFilter(family: Family, devices: readonly string[]): void {
  for (const chain of chains) {
    const rules = present(list(family, chain) ?? '');
    const commands = devices.flatMap((device) => deletions(family, chain, rules.get(device) ?? []));
    if (commands.length > 0) runNftables(commands.join('\n'));
  }
}
