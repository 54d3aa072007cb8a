import { readFileSync } from 'node:fs';
import { runNftables } from '#linux/nftables';
import type { NftablesChange } from '#linux/nftables-events';
import { type ChainState, chainState } from '#linux/nftables-rules';
import { messageOf } from '#std/errors';
import type { Family } from './facts.ts';

/** A chain of the host's own filter, which keeps what it does not know from passing. */
interface Place {
  readonly family: Family | 'inet';
  readonly table: string;
  readonly chain: string;
  /** Whether it stands in the way as it is now. */
  readonly isInTheWay: (state: ChainState) => boolean;
}

const attemptLimit = 5;
const always = (): boolean => true;

/** Of each list the first chain that is in the way is the one to be passed. Docker keeps DOCKER-USER free for such rules. */
const places: readonly (readonly Place[])[] = [
  ...(['ip', 'ip6'] as const).map((family) => [
    { family, table: 'filter', chain: 'DOCKER-USER', isInTheWay: always },
    { family, table: 'filter', chain: 'FORWARD', isInTheWay: ({ dropsByDefault }: ChainState) => dropsByDefault },
  ]),
  // firewalld rejects at the end of its chain what belongs to no zone.
  [{ family: 'inet', table: 'firewalld', chain: 'filter_FORWARD', isInTheWay: always }],
];

/** Whether a change may have to do with our rules in the host's filter. */
export function isHostFilter(change: Pick<NftablesChange, 'family' | 'table' | 'chain'>): boolean {
  return places
    .flat()
    .some(
      ({ family, table, chain }) =>
        change.family === family && change.table === table && (change.chain === undefined || change.chain === chain),
    );
}

/** Device -> handles of the rules for it, of any engine. */
function rulesIn({ rules }: ChainState): Map<string, bigint[]> {
  const found = new Map<string, bigint[]>();
  for (const { handle, comment } of rules) {
    const [, device] = /^estiba (\S+)$/.exec(comment) ?? [];
    if (device !== undefined) found.set(device, [...(found.get(device) ?? []), handle]);
  }
  return found;
}

function placeText({ family, table, chain }: Place): string {
  return `${family} ${table} ${chain}`;
}

function deletions(place: Place, handles: readonly bigint[]): string[] {
  return handles.map((handle) => `delete rule ${placeText(place)} handle ${handle}`);
}

function insertions(place: Place, device: string): string[] {
  return ['iifname', 'oifname'].map(
    (direction) => `insert rule ${placeText(place)} ${direction} "${device}" counter accept comment "estiba ${device}"`,
  );
}

function devicesOfHost(): Set<string> {
  const lines = readFileSync('/proc/thread-self/net/dev', 'utf8').split('\n');
  return new Set(lines.flatMap((line) => /^\s*(\S+):/.exec(line)?.[1] ?? []));
}

/** Rules of an engine that was killed before it could take them away, and whose device is gone. */
function staleIn(rules: ReadonlyMap<string, readonly bigint[]>, devices: readonly string[]): bigint[] {
  const others = [...rules].filter(([device]) => !devices.includes(device));
  if (others.length === 0) return [];
  const present = devicesOfHost();
  return others.flatMap(([device, handles]) => (present.has(device) ? [] : handles));
}

/** The chain of a list that is to be passed, as it is now. */
function inTheWay(list: readonly Place[]): { place: Place; state: ChainState } | undefined {
  for (const place of list) {
    const state = chainState(place.family, place.table, place.chain);
    if (state !== undefined && place.isInTheWay(state)) return { place, state };
  }
  return undefined;
}

/** Runs what is to be changed; anew where a rule has gone between the look and the deed, which another engine may do too. */
function change(commandsFor: () => string[]): void {
  for (let attempt = 1; ; attempt++) {
    const commands = commandsFor();
    if (commands.length === 0) return;
    try {
      runNftables(commands.join('\n'));
      return;
    } catch (error) {
      if (attempt === attemptLimit || !messageOf(error).includes('No such file or directory')) throw error;
    }
  }
}

/**
 * Lets packets of bridges pass the host's own filter, where it drops what it does not know (a drop is final in nftables,
 * whatever other tables accept). In tables of iptables they are written as that would, so that its tools go on to
 * understand the chain. Does nothing when they are there.
 */
export function allowInHostFilter(devices: readonly string[]): void {
  change(() =>
    places.flatMap((list) => {
      const found = inTheWay(list);
      if (found === undefined) return [];
      const { place, state } = found;
      const rules = rulesIn(state);
      const missing = devices.filter((device) => rules.get(device)?.length !== 2);
      return missing.flatMap((device) => [...deletions(place, rules.get(device) ?? []), ...insertions(place, device)]);
    }),
  );
}

/** Takes the rules away of bridges that are neither among `devices` nor on the host: their engine was killed. */
export function forgetTheDead(devices: readonly string[]): void {
  change(() =>
    places.flat().flatMap((place) => {
      const state = chainState(place.family, place.table, place.chain);
      return state === undefined ? [] : deletions(place, staleIn(rulesIn(state), devices));
    }),
  );
}

/** Whether the host's own filter lets packets of these bridges pass; undefined where none stands in the way. */
export function hostFilterState(
  family: Family,
  devices: readonly string[],
): { chain: string; isOpen: boolean } | undefined {
  const states = places.flatMap((list) => {
    const found = inTheWay(list);
    if (found === undefined || (found.place.family !== family && found.place.family !== 'inet')) return [];
    const rules = rulesIn(found.state);
    return [{ chain: placeText(found.place), isOpen: devices.every((device) => rules.has(device)) }];
  });
  return states.find(({ isOpen }) => !isOpen) ?? states[0];
}

/** Takes those rules out again, wherever they are. */
export function forgetInHostFilter(devices: readonly string[]): void {
  change(() =>
    places.flat().flatMap((place) => {
      const state = chainState(place.family, place.table, place.chain);
      if (state === undefined) return [];
      const rules = rulesIn(state);
      return devices.flatMap((device) => deletions(place, rules.get(device) ?? []));
    }),
  );
}
