/** For a network namespace of its own: makes flows to fifty ports, has those to the first few forgotten, and counts. */
import { createSocket } from 'node:dgram';
import { readFileSync, writeSync } from 'node:fs';
import { forgetUdpFlows } from './conntrack.ts';
import { runNftables } from './nftables.ts';
import { RouteSocket, setLink } from './rtnetlink.ts';

const flows = 50;
new RouteSocket().transact(setLink({ index: 1 }, { up: true }));
// Flows are followed where a rule asks for them.
runNftables(
  'table ip t {\nchain c {\ntype filter hook output priority 0;\nct state new counter\nip protocol icmp drop\n}\n}',
);
const ports = Array.from({ length: flows }, (_, index) => 20_000 + index);
const socket = createSocket('udp4');
for (const port of ports) await new Promise((resolve) => socket.send('?', port, '127.0.0.1', resolve));
const count = (): number => Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_count', 'utf8'));
const before = count();
forgetUdpFlows(ports.slice(0, Number(process.argv[2])), 'ip');
writeSync(1, JSON.stringify({ before, after: count() }));
process.exit(0);
