import type { NetworkTrace } from '#api';
import type { EngineClient } from '../transport/engine-client.ts';

/**
 * `GET /estiba/networks/trace`, our own addition to the Engine API: whether and why the first packet of a connection passes,
 * rule by rule. `source` is a container, `host` or `outside`; `target` a container, `host` or an address, then `:PORT`.
 */
export function traceNetworks(
  engine: EngineClient,
  source: string,
  target: string,
  options: { ipv6: boolean },
): Promise<NetworkTrace> {
  const query = { source, target, ipv6: options.ipv6 ? '1' : undefined };
  return engine.json({ method: 'GET', path: '/estiba/networks/trace', query });
}
