import { hasCode } from '#linux/errno';
import { type PortProtocol, reservePort } from '#linux/port-reservation';
import { fail } from '#std/errors';
import type { PublishedPort } from '../record.ts';
import { hasIpv6, openForwarder } from './forwarder.ts';
import type { PortRange, PortRequest } from './request.ts';

/** Where published ports lead to. */
export interface PortTarget {
  readonly address: string;
}

const anyIpv4 = '0.0.0.0';
const anyIpv6 = '::';

function isUnspecified(address: string): boolean {
  return address === anyIpv4 || address === anyIpv6;
}

function isIpv6(address: string): boolean {
  return address.includes(':');
}

/** Host addresses that a request stands for. IPv6 goes through the forwarder, which knows TCP. */
function addressesOf({ hostAddress, protocol }: PortRequest): string[] {
  if (hostAddress !== '') return [hostAddress];
  return protocol === 'tcp' && hasIpv6() ? [anyIpv6, anyIpv4] : [anyIpv4];
}

/** Another process has the port; the next of a range may be free. */
class PortInUse extends Error {}

/** The ports of the host that this engine has given out, each held by a socket so that no other process takes it. */
export class PortAllocator {
  /** `tcp/8080` -> the host addresses it is taken on. */
  readonly #taken = new Map<string, Set<string>>();
  readonly #holds = new Map<string, Disposable>();
  #next: number;

  /** `ephemeral`: where free ports are looked for. */
  constructor(readonly ephemeral: PortRange) {
    this.#next = ephemeral.first;
  }

  /**
   * Finds and takes host ports for all requests, or none of them; throws in Docker's words for the part after
   * `driver failed programming external connectivity on endpoint …: `.
   */
  async allocate(requests: readonly PortRequest[], target: PortTarget): Promise<PublishedPort[]> {
    const allocated: PublishedPort[] = [];
    try {
      for (const request of requests) allocated.push(...(await this.#fulfil(request, target)));
      return allocated;
    } catch (error) {
      this.release(allocated);
      throw error;
    }
  }

  /** Takes ports that a record says are a container's, whatever else has them; those that could not be held are returned. */
  async restore(ports: readonly PublishedPort[], target: PortTarget): Promise<PublishedPort[]> {
    const failed: PublishedPort[] = [];
    for (const port of ports) {
      this.#mark(port);
      if (this.#holds.has(holdKey(port))) continue;
      try {
        this.#holds.set(holdKey(port), await this.#hold(port, target));
      } catch {
        failed.push(port);
      }
    }
    return failed;
  }

  /** Gives ports back. */
  release(ports: readonly PublishedPort[]): void {
    for (const port of ports) {
      this.#holds.get(holdKey(port))?.[Symbol.dispose]();
      this.#holds.delete(holdKey(port));
      const key = takenKey(port.protocol, port.hostPort);
      const addresses = this.#taken.get(key);
      addresses?.delete(port.hostAddress);
      if (addresses?.size === 0) this.#taken.delete(key);
    }
  }

  async #fulfil(request: PortRequest, target: PortTarget): Promise<PublishedPort[]> {
    const { hostPorts } = request;
    if (hostPorts !== undefined && hostPorts.first === hostPorts.last) {
      const conflict = this.#conflict(request, hostPorts.first);
      if (conflict !== undefined) {
        throw fail('internal', `Bind for ${conflict}:${hostPorts.first} failed: port is already allocated`);
      }
      return this.#take(request, hostPorts.first, target);
    }
    for (const port of this.#candidates(hostPorts)) {
      if (this.#conflict(request, port) !== undefined) continue;
      try {
        return await this.#take(request, port, target);
      } catch (error) {
        if (!(error instanceof Error && error.cause instanceof PortInUse)) throw error;
      }
    }
    throw fail('internal', 'all ports are allocated');
  }

  *#candidates(range: PortRange | undefined): Generator<number> {
    if (range !== undefined) {
      for (let port = range.first; port <= range.last; port++) yield port;
      return;
    }
    const { first, last } = this.ephemeral;
    for (let count = first; count <= last; count++) {
      const port = this.#next;
      this.#next = port >= last ? first : port + 1;
      yield port;
    }
  }

  /** The address to name as taken, when the request cannot have the port. */
  #conflict(request: PortRequest, port: number): string | undefined {
    const taken = this.#taken.get(takenKey(request.protocol, port));
    if (taken === undefined) return undefined;
    // IPv4 first: it is the address that Docker names.
    for (const address of addressesOf(request).toReversed()) {
      const sameFamily = [...taken].filter((other) => isIpv6(other) === isIpv6(address));
      const owner = sameFamily.find((other) => other === address || isUnspecified(other) || isUnspecified(address));
      if (owner !== undefined) return isUnspecified(owner) ? owner : address;
    }
    return undefined;
  }

  async #take(request: PortRequest, hostPort: number, target: PortTarget): Promise<PublishedPort[]> {
    const { protocol, containerPort } = request;
    const ports = addressesOf(request).map((hostAddress) => ({ protocol, hostAddress, hostPort, containerPort }));
    // Marked before the first wait: a start beside this one must not find them free.
    for (const port of ports) this.#mark(port);
    try {
      for (const port of ports) this.#holds.set(holdKey(port), await this.#hold(port, target));
      // Docker lists IPv4 first.
      return ports.reverse();
    } catch (error) {
      this.release(ports);
      throw error;
    }
  }

  #mark({ protocol, hostPort, hostAddress }: PublishedPort): void {
    const key = takenKey(protocol, hostPort);
    const addresses = this.#taken.get(key) ?? new Set();
    this.#taken.set(key, addresses.add(hostAddress));
  }

  async #hold(port: PublishedPort, target: PortTarget): Promise<Disposable> {
    const { protocol, hostAddress, hostPort, containerPort } = port;
    try {
      return isIpv6(hostAddress)
        ? await openForwarder(hostAddress, hostPort, { address: target.address, port: containerPort })
        : reservePort(protocol, hostAddress, hostPort);
    } catch (error) {
      const host = isIpv6(hostAddress) ? `[${hostAddress}]` : hostAddress;
      const place = `${host}:${hostPort}:${target.address}:${containerPort}/${protocol}`;
      const inUse = hasCode(error, 'EADDRINUSE');
      const reason = inUse ? 'address already in use' : reasonOf(error);
      throw fail('internal', `failed to bind host port for ${place}: ${reason}`, inUse ? new PortInUse() : error);
    }
  }
}

function reasonOf(error: unknown): string {
  if (hasCode(error, 'EADDRNOTAVAIL')) return 'cannot assign requested address';
  if (hasCode(error, 'EACCES')) return 'permission denied';
  return error instanceof Error ? error.message : String(error);
}

function takenKey(protocol: PortProtocol, port: number): string {
  return `${protocol}/${port}`;
}

function holdKey({ protocol, hostAddress, hostPort }: PublishedPort): string {
  return `${protocol}/${hostAddress}/${hostPort}`;
}
