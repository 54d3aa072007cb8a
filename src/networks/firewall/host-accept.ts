import { runNftables } from '#linux/nftables';
import { chainState } from '#linux/nftables-rules';
import type { Family } from './facts.ts';

/** Where a host's own filter keeps what it does not know from passing, and in what order to look. */
const chains = ['DOCKER-USER', 'FORWARD'] as const;
const table = 'filter';

/** Whether a change to that chain may have to do with our rules there. */
export function isHostFilter(change: {
  family: string | undefined;
  table: string;
  chain: string | undefined;
}): boolean {
  if (change.table !== table || (change.family !== 'ip' && change.family !== 'ip6')) return false;
  return change.chain === undefined || chains.some((chain) => chain === change.chain);
}

/** Device -> handles of our rules for it. */
function present(rules: readonly { handle: bigint; comment: string }[]): Map<string, bigint[]> {
  const found = new Map<string, bigint[]>();
  for (const { handle, comment } of rules) {
    const [, device] = /^estiba (\S+)$/.exec(comment) ?? [];
    if (device !== undefined) found.set(device, [...(found.get(device) ?? []), handle]);
  }
  return found;
}

function deletions(family: Family, chain: string, handles: readonly bigint[]): string[] {
  return handles.map((handle) => `delete rule ${family} ${table} ${chain} handle ${handle}`);
}

function insertions(family: Family, chain: string, device: string): string[] {
  return ['iifname', 'oifname'].map(
    (direction) =>
      `insert rule ${family} ${table} ${chain} ${direction} "${device}" counter accept comment "estiba ${device}"`,
  );
}

/**
 * Lets packets of bridges pass the host's own filter, where its FORWARD chain drops by default (a drop is final in
 * nftables, whatever other tables accept). Docker keeps DOCKER-USER free for such rules. They are written as iptables
 * would, so that its tools go on to understand the chain. Does nothing when they are there.
 */
export function allowInHostFilter(family: Family, devices: readonly string[]): void {
  for (const chain of chains) {
    const state = chainState(family, table, chain);
    if (state === undefined) continue;
    if (chain !== 'DOCKER-USER' && !state.dropsByDefault) return;
    const rules = present(state.rules);
    const commands = devices.flatMap((device) => {
      const handles = rules.get(device) ?? [];
      if (handles.length === 2) return [];
      return [...deletions(family, chain, handles), ...insertions(family, chain, device)];
    });
    if (commands.length > 0) runNftables(commands.join('\n'));
    return;
  }
}

/** Whether the host's own filter lets packets of these bridges pass; undefined where none stands in the way. */
export function hostFilterState(
  family: Family,
  devices: readonly string[],
): { chain: string; isOpen: boolean } | undefined {
  for (const chain of chains) {
    const state = chainState(family, table, chain);
    if (state === undefined || (chain === 'FORWARD' && !state.dropsByDefault)) continue;
    const rules = present(state.rules);
    return { chain: `${family} ${table} ${chain}`, isOpen: devices.every((device) => rules.has(device)) };
  }
  return undefined;
}

/** Takes those rules out again, wherever they are. */
export function forgetInHostFilter(family: Family, devices: readonly string[]): void {
  for (const chain of chains) {
    const rules = present(chainState(family, table, chain)?.rules ?? []);
    const commands = devices.flatMap((device) => deletions(family, chain, rules.get(device) ?? []));
    if (commands.length > 0) runNftables(commands.join('\n'));
  }
}
