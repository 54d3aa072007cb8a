/**
 * A scenario for a network namespace of its own, which plays a host: fills a bridge with as many ports as the kernel lets it
 * have, and prints what a start says then.
 */
import { openSync } from 'node:fs';
import { openEvents } from '#events';
import { addVeth, RouteSocket, setLink } from '#linux/rtnetlink';
import { messageOf } from '#std/errors';
import { openRecords } from '#store';
import { openNetworks } from '../open.ts';
import { request } from './lab.ts';

const [directory = ''] = process.argv.slice(2);
const portLimit = 1023;
using route = new RouteSocket();
route.transact(setLink({ index: 1 }, { up: true }));
const records = openRecords(`${directory}/records.db`);
const networks = await openNetworks({ records, events: openEvents(records), execRoot: `${directory}/exec` });
await networks.reconcile(new Set());
const { Id } = await networks.create({ Name: 'full' });
const bridge = route.link(`br-${Id.slice(0, 12)}`).index;

const home = openSync('/proc/thread-self/ns/net', 'r');
const mac = '02:00:00:00:00:01';
// Both ends of a pair are ports.
for (let number = 0; number < portLimit; number += 2) {
  const [name, far] = [`port${number}`, `port${number + 1}`];
  route.transact(addVeth({ name, master: bridge, mtu: 1500, peer: { namespace: home, name: far, mac } }));
  if (number + 1 < portLimit) route.transact(setLink({ index: route.link(far).index }, { master: bridge }));
}
const one = request({ endpoints: [{ network: 'full', settings: {} }] });
const said = await networks.setUp(one).then(() => 'started', messageOf);
const after = {
  said,
  sandbox: networks.sandbox(one.containerId) ?? null,
  network: networks.inspect('full').Containers,
};
process.stdout.write(`${JSON.stringify(after)}\n`);
process.exit(0);
