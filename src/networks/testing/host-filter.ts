/**
 * A scenario for a network namespace of its own, which plays a host: opens networks with a filter that drops what is
 * forwarded, and prints the chain's rules after each step, as one line of JSON.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openEvents } from '#events';
import { runNftables } from '#linux/nftables';
import { RouteSocket, setLink } from '#linux/rtnetlink';
import { openRecords } from '#store';
import { openNetworks } from '../open.ts';

const [directory = '', place = ''] = process.argv.slice(2);
const [family = '', table = '', chain = ''] = place.split(' ');

function rules(): string[] {
  return runNftables(`list chain ${place}`)
    .split('\n')
    .filter((line) => line.includes('comment'))
    .map((line) => line.trim().replace(/ # handle.*| packets \d+ bytes \d+/g, ''));
}

new RouteSocket().transact(setLink({ index: 1 }, { up: true }));
const hook = 'type filter hook forward priority 0; policy';
if (chain === 'DOCKER-USER') {
  runNftables(`table ip filter {\nchain ${chain} {\n}\nchain FORWARD {\n${hook} drop;\njump ${chain}\n}\n}`);
} else {
  const body = chain === 'FORWARD' ? `${hook} drop;` : `${hook} accept;\nreject with icmpx type admin-prohibited`;
  runNftables(`table ${family} ${table} {\nchain ${chain} {\n${body}\n}\n}`);
}
// An engine that was killed with its networks has left this.
runNftables(`insert rule ${place} iifname "gone0" counter accept comment "estiba gone0"`);
const records = openRecords(join(directory, 'records.db'));
const open = () => openNetworks({ records, events: openEvents(records), execRoot: join(directory, 'exec') });
const steps: string[][] = [];
await open();
steps.push(rules());
const again = await open();
steps.push(rules());
runNftables(`flush chain ${place}`);
const third = await open();
steps.push(rules());
await again.close();
await third.close();
steps.push(rules());
writeSync(1, JSON.stringify(steps));
process.exit(0);
