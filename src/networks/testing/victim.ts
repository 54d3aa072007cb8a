/**
 * A process for tests to kill: opens the networks of `directory` with the settings given as JSON, starts the containers given as JSON, prints what came
 * of it as one line of JSON, and waits for its end.
 */
import { join } from 'node:path';
import { openEvents } from '#events';
import { openRecords } from '#store';
import { type NetworkSettings, openNetworks } from '../open.ts';
import type { SandboxRequest } from '../types.ts';

const [directory = '', requests = '[]', settings = '{}'] = process.argv.slice(2);
const records = openRecords(join(directory, 'records.db'));
const networks = await openNetworks({
  ...(JSON.parse(settings) as Partial<NetworkSettings>),
  ...{ records, events: openEvents(records), execRoot: join(directory, 'exec') },
});
await networks.reconcile(new Set());
const sandboxes = [];
for (const one of JSON.parse(requests) as SandboxRequest[]) sandboxes.push(await networks.setUp(one));
process.stdout.write(`${JSON.stringify({ sandboxes, bridge: networks.inspect('bridge') })}\n`);
setInterval(() => {}, 60_000);
