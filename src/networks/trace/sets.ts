import { addressNumber, contains, parsePrefix } from '../addresses/ip.ts';
import { type Fact, type Family, fieldText } from '../firewall/facts.ts';
import type { Lookup } from '../firewall/rules.ts';
import { factsOf } from '../firewall/ruleset.ts';
import type { FirewallState } from '../firewall/state.ts';

/** The sets and maps of one family. */
export interface Sets {
  readonly has: Lookup;
  /** Where a key of a map leads to. */
  readonly find: (map: string, ...key: Parameters<Lookup>[1][]) => Fact['data'];
  /** Bridge behind which an address is. */
  readonly bridgeOf: (address: string) => string | undefined;
}

function keyText(set: string, fields: readonly Parameters<Lookup>[1][]): string {
  // One address has many spellings.
  return [set, ...fields.map((field) => ('address' in field ? addressNumber(field.address) : fieldText(field)))].join(
    ' ',
  );
}

/** The elements that a state makes. */
export function setsOf(state: FirewallState, family: Family): Sets {
  const elements = new Map<string, Fact>();
  for (const fact of factsOf(state)) {
    if (fact.family === family && typeof fact.key !== 'string') elements.set(keyText(fact.set, fact.key), fact);
  }
  const subnets = state.bridges.flatMap(({ device, ipv4, ipv6 }) => {
    const rules = family === 'ip' ? ipv4 : ipv6;
    return rules === undefined ? [] : [{ device, range: parsePrefix(rules.subnet) }];
  });
  return {
    has: (set, ...key) => elements.has(keyText(set, key)),
    find: (map, ...key) => elements.get(keyText(map, key))?.data,
    bridgeOf: (address) => subnets.find(({ range }) => contains(range, address))?.device,
  };
}
