import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { runNftables } from '#linux/nftables';
import { families } from './facts.ts';
import { createFirewall } from './firewall.ts';
import type { BridgeRules, FirewallState, Redirection } from './state.ts';

const table = `estiba-facts-${process.pid}`;

const plain: BridgeRules = {
  device: 'none-a',
  ipv4: { subnet: '10.90.0.0/24', gateway: '10.90.0.1', mode: 'nat' },
  ipv6: { subnet: 'fd00:90::/64', mode: 'nat' },
  isInternal: false,
  icc: true,
  masquerade: true,
};
const bridges: readonly BridgeRules[] = [
  plain,
  {
    ...plain,
    device: 'none-b',
    ipv4: { subnet: '255.255.255.0/24', mode: 'routed' },
    ipv6: { subnet: 'ff00::/8', mode: 'nat-unprotected' },
  },
  {
    ...plain,
    device: 'none-c',
    ipv4: { subnet: '10.92.0.0/16', mode: 'nat', source: '192.0.2.1' },
    ipv6: { subnet: 'fd00:92::/64', mode: 'isolated' },
    icc: false,
    trustedInterfaces: ['eth7'],
  },
  { device: 'none-d', ipv4: { subnet: '10.93.0.0/24', mode: 'nat' }, isInternal: true, icc: true, masquerade: true },
];
const redirections: readonly Redirection[] = [
  ['none-a', '0.0.0.0', '10.90.0.2', 'tcp'],
  ['none-a', '::', 'fd00:90::2', 'tcp'],
  ['none-a', '::1', 'fd00:90::2', 'udp'],
  ['none-b', '0.0.0.0', '255.255.255.2', 'udp'],
  ['none-c', '192.0.2.1', '10.92.0.2', 'sctp'],
  ['none-c', '192.0.2.2', '10.92.0.2', 'sctp'],
].map(([device = '', hostAddress = '', address = '', protocol], index) => {
  const port = { protocol: protocol as 'tcp', hostAddress, hostPort: 8000 + index, containerPort: 80 };
  return { device, address, port };
});

function listing(): string {
  const present = families.filter((family) => family === 'ip' || existsSync('/proc/sys/net/ipv6'));
  return present.map((family) => runNftables(`list table ${family} ${table}`).replace(/# handle.*/g, '')).join('');
}

test('what is added one by one is what is written as a whole, and can be taken out again', () => {
  let state: FirewallState = { bridges: [], redirections: [] };
  const firewall = createFirewall(table, () => state);
  try {
    firewall.rebuild();
    const empty = listing();
    for (const bridge of bridges) firewall.addBridge(bridge);
    firewall.publish(redirections);
    const added = listing();
    state = { bridges, redirections };
    firewall.rebuild();
    // Written as a text, a set of ranges also says that it begins outside of all.
    expect(added).toBe(listing());
    expect(added).toMatch(/10\.92\.0\.2 \. (132|sctp) \. 80/);
    state = { bridges: [], redirections: [] };
    firewall.withdraw(redirections);
    for (const bridge of bridges) firewall.removeBridge(bridge);
    expect(listing()).toBe(empty);
  } finally {
    firewall.remove(bridges);
  }
  expect(() => runNftables(`list table ip ${table}`)).toThrow('No such file or directory');
});
