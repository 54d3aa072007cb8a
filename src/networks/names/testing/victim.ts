/** A process for tests to kill: serves a container in the namespace whose path is given, and prints `up`. */
import { createNames } from '../names.ts';

const [path = ''] = process.argv.slice(2);
const names = createNames();
names.add('id', 'front', { endpointId: '1', containerId: 'asker', names: ['asker'], ipv4: '10.1.0.1' });
names.add('id', 'front', { endpointId: '2', containerId: 'web', names: ['web'], ipv4: '10.1.0.2' });
await names.serve('asker', path, { servers: [] });
process.stdout.write('up\n');
setInterval(() => {}, 60_000);
