/**
 * A scenario for a network namespace of its own, which plays a host: opens networks with a filter that drops what is
 * forwarded, and prints the chain's rules after each step, as one line of JSON.
 */
import { join } from 'node:path';
import { openEvents } from '#events';
import { runNftables } from '#linux/nftables';
import { RouteSocket, setLink } from '#linux/rtnetlink';
import { openRecords } from '#store';
import { openNetworks } from '../open.ts';

const [directory = '', chain = ''] = process.argv.slice(2);

function rules(): string[] {
  return runNftables(`list chain ip filter ${chain}`)
    .split('\n')
    .filter((line) => line.includes('comment'))
    .map((line) => line.trim().replace(/ # handle.*| packets \d+ bytes \d+/g, ''));
}

new RouteSocket().transact(setLink({ index: 1 }, { up: true }));
runNftables('table ip filter {\nchain FORWARD {\ntype filter hook forward priority 0; policy drop;\n}\n}');
if (chain !== 'FORWARD') runNftables(`add chain ip filter ${chain}; add rule ip filter FORWARD jump ${chain}`);
const records = openRecords(join(directory, 'records.db'));
const open = () => openNetworks({ records, events: openEvents(records), execRoot: join(directory, 'exec') });
const steps: string[][] = [];
await open();
steps.push(rules());
const again = await open();
steps.push(rules());
runNftables(`flush chain ip filter ${chain}`);
const third = await open();
steps.push(rules());
await again.close();
await third.close();
steps.push(rules());
process.stdout.write(JSON.stringify(steps));
process.exit(0);
