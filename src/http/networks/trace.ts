import { isIP } from 'node:net';
import type { Containers } from '#containers';
import { type Networks, readTraceTarget, type TraceParty } from '#networks';
import { fail } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';

type Inspected = Pick<Containers, 'inspect'>;

/** Whose network a container is in: its own, another container's, or the host's. */
async function containerParty(containers: Inspected, name: string): Promise<TraceParty> {
  const { Id, State, HostConfig } = await containers.inspect(name, { size: false });
  if (!State.Running) throw fail('conflict', `container ${name} is not running`);
  const [mode, other = ''] = HostConfig.NetworkMode.split(':');
  if (mode === 'host') return { kind: 'host' };
  if (mode === 'container' && other !== '') return containerParty(containers, other);
  return { kind: 'container', id: Id };
}

/** `host`, `outside`, `outside:eth1`, an address, or a container. */
async function partyOf(containers: Inspected, text: string): Promise<TraceParty> {
  if (text === 'host') return { kind: 'host' };
  const [, device] = /^outside(?::(.+))?$/.exec(text) ?? [];
  if (text === 'outside' || device !== undefined) return { kind: 'outside', interface: device ?? '' };
  if (isIP(text) !== 0) return { kind: 'address', address: text };
  return await containerParty(containers, text);
}

/** `GET /estiba/networks/trace` */
export function traceNetworks(networks: Pick<Networks, 'trace'>, containers: Inspected): Endpoint {
  return async ({ query }) => {
    const [source, target] = [query.text('source'), query.text('target')];
    if (source === undefined || target === undefined) {
      throw fail('invalid-argument', 'a trace needs both: source and target');
    }
    const { name, port, protocol } = readTraceTarget(target);
    const parties = { source: await partyOf(containers, source), target: await partyOf(containers, name) };
    return json(networks.trace({ ...parties, port, protocol, prefersIpv6: query.flag('ipv6') }));
  };
}
