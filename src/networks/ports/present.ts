import { readFileSync } from 'node:fs';
import type { PortBinding, PortSummary } from '#api';
import type { PublishedPort } from '../record.ts';
import type { PortSummaries } from '../types.ts';
import { type PortRange, portKey } from './request.ts';

/** Ports in the form of inspect: each key with its bindings, or null when it is only exposed. */
export function portMap(
  keys: readonly string[],
  published: readonly PublishedPort[],
): Record<string, PortBinding[] | null> {
  const map: Record<string, PortBinding[] | null> = Object.fromEntries(keys.map((key) => [key, null]));
  for (const { containerPort, protocol, hostAddress, hostPort } of published) {
    const key = portKey(containerPort, protocol);
    map[key] = [...(map[key] ?? []), { HostIp: hostAddress, HostPort: hostPort === 0 ? '' : String(hostPort) }];
  }
  return map;
}

/** Ports in the form of the list of containers: one entry a binding, by container port. */
export const portSummaries: PortSummaries = (ports) =>
  Object.entries(ports)
    .flatMap(([key, bindings]): PortSummary[] => {
      const [port = '', Type = 'tcp'] = key.split('/');
      const PrivatePort = Number(port);
      if (bindings === null || bindings.length === 0) return [{ PrivatePort, Type }];
      return bindings.map(({ HostIp, HostPort }) => ({
        IP: HostIp,
        PrivatePort,
        // A port that is only opened has none on the host.
        ...(HostPort !== '' && { PublicPort: Number(HostPort) }),
        Type,
      }));
    })
    .sort((one, other) => one.PrivatePort - other.PrivatePort);

/** The host's range of ports for those who do not mind which, as Docker takes it too. */
export function ephemeralRange(): PortRange {
  const [first = 32768, last = 60999] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
    .trim()
    .split(/\s+/)
    .map(Number);
  return { first, last };
}
