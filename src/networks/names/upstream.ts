import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { socketAddress } from '#linux/inet-sockets';

const domainPort = 53;
/** Docker asks no more than the first three. */
const serverLimit = 3;

/** A resolver to ask. */
export interface Upstream {
  /** `struct sockaddr`. */
  readonly address: Buffer;
  /** The namespace to ask from; undefined for the host's. */
  readonly namespacePath: string | undefined;
  /** Whom a pool of sockets is for. */
  readonly key: string;
}

function scopeOf(zone: string | undefined): number {
  if (zone === undefined || /^\d+$/.test(zone)) return Number(zone ?? 0);
  try {
    return Number(readFileSync(`/sys/class/net/${zone.replaceAll('/', '')}/ifindex`, 'utf8'));
  } catch {
    // A device that is gone: the server cannot be reached, which is found out when it is asked.
    return 0;
  }
}

/** `10.0.0.1`, or `host(127.0.0.53)`; undefined for what is no address. */
function parse(text: string, namespacePath: string): Upstream | undefined {
  const fromHost = /^host\((.*)\)$/.exec(text)?.[1];
  const [address = '', zone] = (fromHost ?? text).split('%');
  const place = socketAddress(address, domainPort, isIPv6(address) ? scopeOf(zone) : 0);
  if (place === undefined) return undefined;
  const from = fromHost === undefined ? namespacePath : undefined;
  return { address: place, namespacePath: from, key: `${from ?? ''} ${text}` };
}

/** The resolvers that a container's questions go to. */
export function upstreamsOf(servers: readonly string[], namespacePath: string): Upstream[] {
  return servers.slice(0, serverLimit).flatMap((text) => parse(text, namespacePath) ?? []);
}

const suspicionMs = 30_000;

/** Which resolvers did not answer of late: they are asked last, so that a dead one costs its timeout once, not each time. */
export class Suspicion {
  readonly #until = new Map<string, number>();

  raise({ key }: Upstream, now: number): void {
    this.#until.set(key, now + suspicionMs);
  }

  clear({ key }: Upstream): void {
    if (this.#until.size > 0) this.#until.delete(key);
  }

  /** All of them, in the order to ask in. */
  order(upstreams: readonly Upstream[], now: number): readonly Upstream[] {
    if (this.#until.size === 0) return upstreams;
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key);
    const isSuspect = ({ key }: Upstream): boolean => this.#until.has(key);
    if (!upstreams.some(isSuspect)) return upstreams;
    return [...upstreams.filter((one) => !isSuspect(one)), ...upstreams.filter(isSuspect)];
  }
}
