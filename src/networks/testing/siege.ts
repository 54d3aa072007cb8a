/**
 * A scenario for a network namespace of its own, which plays a host whose firewall other programs change. Writes what
 * came of each attack, as JSON, to the file named by its argument.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNftables } from '#linux/nftables';
import { createFirewall } from '../firewall/firewall.ts';
import { type BridgeRules, type FirewallState, redirectionsOf } from '../firewall/state.ts';
import { eventually } from './lab.ts';
import { Yard } from './yard.ts';

const table = 'siege';
const bridge: BridgeRules = {
  device: 'nat0',
  ipv4: { subnet: '10.1.0.0/24', gateway: '10.1.0.1', mode: 'nat' },
  ipv6: { subnet: 'fd00:1::/64', gateway: 'fd00:1::1', mode: 'nat' },
  isInternal: false,
  icc: true,
  masquerade: true,
};

using yard = new Yard();
yard.bridge(bridge);
const web = yard.container('web', bridge, 2);
const world = yard.outside('world', 'world0', 100);
yard.serve(web, 'web', 80);
const ports = ['0.0.0.0', '::'].map((hostAddress) => ({
  ...{ protocol: 'tcp' as const, hostAddress, hostPort: 8000, containerPort: 80 },
}));
const redirections = redirectionsOf(ports, { device: 'nat0', ipv4: web.ipv4, ipv6: web.ipv6 });
const state: FirewallState = { bridges: [bridge], redirections, acceptMark: { value: 0x10, mask: 0xf0 } };

function foreign(commands: string): void {
  const script = join(import.meta.dir, 'foreign.ts');
  const { exitCode } = Bun.spawnSync([process.execPath, script, commands], { stderr: 'inherit' });
  if (exitCode !== 0) throw new Error(`another program failed: ${commands}`);
}

const results: Record<string, unknown> = {};

/** What a neighbour reaches once all is as it should be. */
async function check(step: string): Promise<void> {
  results[step] = [
    await yard.reach(world, '198.51.100.1', 8000),
    await yard.reach(world, '2001:db8:100::1', 8000),
    (await yard.ask(world, web.ipv4, 80)) ?? 'nobody',
  ];
}

function listing(name: string): string {
  try {
    return runNftables(`list table ${name}`);
  } catch {
    return '';
  }
}

let firewall = createFirewall(table, () => state);
firewall.rebuild();
await check('at first');
foreign('flush ruleset');
await eventually('both tables are back', () => listing(`ip ${table}`) && listing(`ip6 ${table}`));
await check('after a flush of everything');
foreign(`delete table ip ${table}`);
await eventually('the table is back', () => listing(`ip ${table}`));
await check('after one table is deleted');
foreign(`flush map ip ${table} published_any; flush chain ip6 ${table} publish; add rule ip ${table} forward accept`);
await check('after single changes');

foreign('add rule inet estiba-user forward iifname "world0" drop');
const asked = async (): Promise<string> => (await yard.ask(world, '198.51.100.1', 8000)) ?? 'nobody';
const dropped = [await asked()];
firewall.rebuild();
dropped.push(await asked());
firewall = createFirewall(table, () => state);
firewall.rebuild();
dropped.push(await asked());
results.administrator = dropped;
foreign('insert rule inet estiba-user forward ip daddr 10.1.0.2 tcp dport 80 meta mark set 0x11 accept');
results.marked = await yard.reach(world, web.ipv4, 80);
foreign('delete table inet estiba-user');
await eventually("the administrator's chain is back", () => listing('inet estiba-user').includes('chain forward'));
await check('without the rule of the administrator');

const filter = (family: string) =>
  `table ${family} filter {\nchain FORWARD {\ntype filter hook forward priority 0; policy drop;\n}\n}\n`;
foreign(filter('ip') + filter('ip6'));
await check('with a filter that drops');
foreign('flush chain ip filter FORWARD; flush chain ip6 filter FORWARD');
await check('after that filter was loaded anew');
foreign('delete table ip filter; delete table ip6 filter');

// Its own changes are no reason to write everything anew: the table stays the same one.
const handleOf = (): string => /# handle (\d+)/.exec(listing(`ip ${table}`))?.[1] ?? '';
const handle = handleOf();
const more: BridgeRules = {
  ...bridge,
  device: 'more0',
  ipv4: { subnet: '10.2.0.0/24', mode: 'nat' },
  ipv6: { subnet: 'fd00:2::/64', mode: 'nat' },
};
firewall.addBridge(more);
firewall.withdraw(redirections);
firewall.publish(redirections);
firewall.removeBridge(more);
foreign('delete table inet estiba-user');
await eventually('that was noticed', () => listing('inet estiba-user').includes('chain forward'));
results.isSameTable = handleOf() === handle;

/** Tables that are there after the end of an engine which found the administrator's chain so. */
function leftOf(commands: string): string[] {
  if (commands !== '') foreign(commands);
  firewall.rebuild();
  firewall.remove(state.bridges);
  const lines = runNftables('list tables').trim().split('\n').filter(Boolean);
  return lines.map((line) => line.replace(/ # handle.*/, ''));
}

results.left = leftOf('add rule inet estiba-user forward counter');
foreign('delete table inet estiba-user');
firewall = createFirewall(table, () => state);
results.leftUntouched = leftOf('');
firewall = createFirewall(table, () => state);
const ownChain = 'chain forward {\ntype filter hook forward priority 5; policy accept;\n}';
results.leftOfPriority = leftOf(`table inet estiba-user {\n${ownChain}\n}`);
writeFileSync(process.argv[2] ?? '', JSON.stringify(results));
yard[Symbol.dispose]();
process.exit(0);
