import { readFileSync } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import { socketAddress } from '#linux/socket-address';

/** Docker's address of the resolver in a container, and the port. */
export const resolverAddress = '127.0.0.11';
export const domainPort = 53;
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
  // Our own would ask itself.
  if (fromHost === undefined && address === resolverAddress) return undefined;
  if (isIP(address) === 0) return undefined;
  const place = socketAddress(address, domainPort, isIPv6(address) ? scopeOf(zone) : 0);
  const from = fromHost === undefined ? namespacePath : undefined;
  return { address: place, namespacePath: from, key: `${from ?? ''} ${text}` };
}

/** The resolvers that a container's questions go to. */
export function upstreamsOf(servers: readonly string[], namespacePath: string): Upstream[] {
  return servers.flatMap((text) => parse(text, namespacePath) ?? []).slice(0, serverLimit);
}

const suspicionMs = 30_000;

/**
 * Which resolvers have been silent of late. They are asked as before, but not waited for long while there are others: a dead
 * one costs its whole timeout once, not each time, and one that lives again is noticed by its next answer.
 */
export class Suspicion {
  readonly #until = new Map<string, number>();
  readonly #answered = new Map<string, number>();

  /** It did not answer what it was asked at that time. That is nothing if it answered others since. */
  silent({ key }: Upstream, askedAt: number, now: number): void {
    if ((this.#answered.get(key) ?? 0) < askedAt) this.#until.set(key, now + suspicionMs);
  }

  answered({ key }: Upstream, now: number): void {
    this.#answered.set(key, now);
    if (this.#until.size > 0) this.#until.delete(key);
  }

  isSuspect({ key }: Upstream, now: number): boolean {
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > now) return true;
    this.#until.delete(key);
    return false;
  }

  /** Forgets what is known of the resolvers that are asked from a namespace. */
  forget(upstreams: readonly Upstream[]): void {
    for (const { key, namespacePath } of upstreams) {
      if (namespacePath === undefined) continue;
      this.#until.delete(key);
      this.#answered.delete(key);
    }
  }
}
