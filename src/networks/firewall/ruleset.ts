import { bridgeFacts, distinctFacts, type Fact, type Family, factText, redirectionFacts } from './facts.ts';
import { familyWords, forwardRules, guardedForwarder, publishRules } from './rules.ts';
import type { FirewallState } from './state.ts';

/** The sets and maps that rules look things up in, and the types of their keys. */
function declarations(family: Family): Readonly<Record<string, string>> {
  const { address } = familyWords[family];
  const service = 'inet_proto . inet_service';
  return {
    bridges: 'type ifname;',
    inside: 'type ifname . ifname;',
    internal: 'type ifname;',
    unprotected: 'type ifname;',
    routed: 'type ifname;',
    trusted: 'type ifname . ifname;',
    subnets: `type ${address}; flags interval;`,
    masqueraded: `type ${address}; flags interval;`,
    sources: `type ${address} : ${address}; flags interval;`,
    open: `type ${address} . ${service};`,
    forwarded: `type ${service};`,
    published_any: `type ${service} : ${address} . inet_service;`,
    published_address: `type ${address} . ${service} : ${address} . inet_service;`,
  };
}

/** Every fact of a state. */
export function factsOf({ bridges, redirections }: FirewallState): Fact[] {
  const byDevice = new Map(bridges.map((bridge) => [bridge.device, bridge]));
  return distinctFacts([
    ...bridges.flatMap(bridgeFacts),
    ...redirections.flatMap((redirection) => redirectionFacts(byDevice.get(redirection.device), redirection)),
  ]);
}

function setText(name: string, type: string, facts: readonly Fact[]): string {
  const elements = facts.length === 0 ? '' : `elements = { ${facts.map(factText).join(', ')} };`;
  return `${type.includes(' : ') ? 'map' : 'set'} ${name} { ${type} ${elements} }`;
}

/**
 * Only the host itself may use loopback addresses: IPv4's are routed on bridges. And the forwarder, which is behind all rules
 * for what is passed on, has nothing for internal networks.
 */
function guardText(family: Family): string {
  const { loopback } = familyWords[family];
  return `
  chain guard {
    type filter hook prerouting priority raw; policy accept;
    iifname @bridges ${family} daddr ${loopback} drop
    iifname @bridges ${family} saddr ${loopback} drop
    ${guardedForwarder} drop
  }`;
}

function translationText(family: Family): string {
  const { aside } = familyWords[family];
  // Of IPv4 the host's own packets to loopback are redirected too; those of IPv6 the forwarder takes.
  const local = family === 'ip' ? '' : `ip6 daddr != ${aside} `;
  return `
  chain publish {
    ${publishRules.published_address(family)}
    ${publishRules.published_any(family)}
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ${family} daddr != ${aside} fib daddr type local jump publish
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ${local}fib daddr type local jump publish
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ${family === 'ip' ? 'oifname @bridges ip saddr 127.0.0.0/8 masquerade' : ''}
    oifname @bridges ${family} saddr @subnets ct status dnat masquerade
    oifname != @bridges snat ${family} to ${family} saddr map @sources
    oifname != @bridges ${family} saddr @masqueraded masquerade
  }`;
}

function filterText(family: Family, state: FirewallState): string {
  const rules = forwardRules(state).map(({ match, verdict }) => `${match(family)} ${verdict}`.trim());
  return `
  chain forward {
    type filter hook forward priority filter; policy accept;
    ${rules.join('\n    ')}
  }`;
}

/**
 * The whole table of an engine for one family, as commands that replace the one that is there. Its rules are the same for
 * any number of networks, containers and ports: they look things up in sets and maps. What each rule is for is told in
 * docs/networks.md, and by `trace`.
 */
export function rulesetText(family: Family, table: string, state: FirewallState): string {
  const facts = Map.groupBy(
    factsOf(state).filter((fact) => fact.family === family),
    ({ set }) => set,
  );
  const sets = Object.entries(declarations(family)).map(([name, type]) => setText(name, type, facts.get(name) ?? []));
  return `
table ${family} ${table} {
}
delete table ${family} ${table}
table ${family} ${table} {
  ${sets.join('\n  ')}${guardText(family)}${translationText(family)}${filterText(family, state)}
}
`;
}
