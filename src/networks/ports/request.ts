import { isIP } from 'node:net';
import type { PortBinding } from '#api';
import type { PortProtocol } from '#linux/port-reservation';
import { fail } from '#std/errors';
import type { PortWishes } from '../record.ts';

/** A range of ports, both ends included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** One binding that is asked for. */
export interface PortRequest {
  readonly protocol: PortProtocol;
  readonly containerPort: number;
  /** As it was given: empty for all addresses. */
  readonly hostAddress: string;
  /** Any of the ports of the range will do; undefined for any free port. */
  readonly hostPorts?: PortRange;
}

const protocols: readonly string[] = ['tcp', 'udp', 'sctp'];

/** Reads `80` or `8000-8010`; throws `invalid-argument`. */
function parseRange(text: string): PortRange {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first > last || last > 65535) {
    throw fail('invalid-argument', `invalid port specification: "${text}"`);
  }
  return { first, last };
}

/** Reads a key like `80/tcp`; the protocol is tcp where none is named. Throws `invalid-argument`. */
function parseContainerPort(key: string): { port: number; protocol: PortProtocol } {
  const [port = '', protocol = 'tcp'] = key.toLowerCase().split('/');
  const { first, last } = parseRange(port);
  if (first !== last || first === 0 || !protocols.includes(protocol)) {
    throw fail('invalid-argument', `invalid port specification: "${key}"`);
  }
  return { port: first, protocol: protocol as PortProtocol };
}

/** The form of a key in which inspect shows it. */
export function portKey(port: number, protocol: string): string {
  return `${port}/${protocol}`;
}

function parseBinding(key: string, { HostIp, HostPort }: PortBinding): PortRequest {
  const { port, protocol } = parseContainerPort(key);
  if (HostIp !== '' && HostIp !== undefined && isIP(HostIp) === 0) {
    throw fail('invalid-argument', `invalid IP address: ${HostIp}`);
  }
  const range = HostPort === '' || HostPort === undefined ? undefined : parseRange(HostPort);
  const isAny = range === undefined || range.last === 0;
  return { protocol, containerPort: port, hostAddress: HostIp ?? '', ...(!isAny && { hostPorts: range }) };
}

/** What is asked for, and every port that inspect is to show. */
export interface PortPlan {
  /** In the order in which they are to be fulfilled: fixed ports first, so that no other takes them. */
  readonly requests: readonly PortRequest[];
  /** Keys of all exposed and published ports. */
  readonly keys: readonly string[];
}

function freedom({ hostPorts }: PortRequest): number {
  return hostPorts === undefined ? 65536 : hostPorts.last - hostPorts.first;
}

/** Reads the bindings of a container, exposed ports included when all are to be published; throws `invalid-argument`. */
export function planPorts({ portBindings, exposedPorts, publishAll }: PortWishes): PortPlan {
  const bindings = new Map<string, readonly PortBinding[]>();
  const normalized = (key: string): string => {
    const { port, protocol } = parseContainerPort(key);
    return portKey(port, protocol);
  };
  for (const key of exposedPorts) bindings.set(normalized(key), publishAll ? [{ HostIp: '', HostPort: '' }] : []);
  for (const [key, asked] of Object.entries(portBindings)) {
    if (asked !== null && asked.length > 0) bindings.set(normalized(key), asked);
    else if (!bindings.has(normalized(key))) bindings.set(normalized(key), []);
  }
  const requests = [...bindings].flatMap(([key, asked]) => asked.map((binding) => parseBinding(key, binding)));
  return { requests: requests.sort((one, other) => freedom(one) - freedom(other)), keys: [...bindings.keys()] };
}
