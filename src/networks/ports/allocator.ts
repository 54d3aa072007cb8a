import { hasCode } from '#linux/errno';
import { findPortOwner } from '#linux/port-owner';
import { type PortProtocol, reservePort } from '#linux/port-reservation';
import { fail } from '#std/errors';
import { log } from '#std/log';
import { type GatewayMode, isIpv6, type PortTarget } from '../firewall/state.ts';
import type { PublishedPort } from '../record.ts';
import { hasIpv6, openForwarder } from './forwarder.ts';
import type { PortRange, PortRequest } from './request.ts';

/** Where published ports lead to, and what its networks say of them. */
export interface PublishTarget extends PortTarget {
  /** `nat` where it is not given. Of a routed family no port of the host is taken: the container's own is opened. */
  readonly modes?: { readonly ipv4?: GatewayMode; readonly ipv6?: GatewayMode };
  /** Address of the host for bindings that name none; `0.0.0.0`, which stands for IPv6's too, when not given. */
  readonly defaultAddress?: string;
  /** Who to name in the log when somebody else wants one of these ports: a container's name. */
  readonly owner?: string;
}

const anyIpv4 = '0.0.0.0';
const anyIpv6 = '::';

function isUnspecified(address: string): boolean {
  return address === anyIpv4 || address === anyIpv6;
}

/** What a request stands for at a target: addresses of the host whose ports are taken, and families that are only opened. */
interface Places {
  readonly taken: readonly string[];
  readonly opened: readonly string[];
}

function placesOf({ hostAddress, protocol }: PortRequest, target: PublishTarget): Places {
  const { ipv4, ipv6, modes = {}, defaultAddress = anyIpv4 } = target;
  const asked = hostAddress === '' ? defaultAddress : hostAddress;
  const isAny = hostAddress === '' && asked === anyIpv4;
  const taken: string[] = [];
  const opened: string[] = [];
  // IPv4 first: it is the address that Docker names when a port cannot be had.
  if ((isAny || !isIpv6(asked)) && ipv4 !== undefined) {
    if (modes.ipv4 === 'routed') opened.push(anyIpv4);
    else taken.push(asked);
  }
  if (isAny || isIpv6(asked)) {
    const address = isAny ? anyIpv6 : asked;
    if (ipv6 !== undefined && modes.ipv6 === 'routed') opened.push(anyIpv6);
    else if (ipv6 !== undefined) taken.push(address);
    // To an IPv4 address the forwarder leads, which does not know SCTP.
    else if (ipv4 !== undefined && protocol !== 'sctp' && hasIpv6()) taken.push(address);
  }
  return { taken, opened };
}

/** Another process has the port; the next of a range may be free. */
class PortInUse extends Error {}

/** The ports of the host that this engine has given out, each held by a socket so that no other process takes it. */
export class PortAllocator {
  /** `tcp/8080` -> the host addresses it is taken on, and by whom. */
  readonly #taken = new Map<string, Map<string, string>>();
  readonly #holds = new Map<string, Disposable>();
  #next: number;

  /** `ephemeral`: where free ports are looked for. */
  constructor(readonly ephemeral: PortRange) {
    this.#next = ephemeral.first;
  }

  /**
   * Finds and takes host ports for all requests, or none of them; throws in Docker's words for the part after
   * `driver failed programming external connectivity on endpoint …: `. Who has a port that is taken is in the log. What
   * the target has no address for is left out; a port that is only opened has `hostPort` 0.
   */
  async allocate(requests: readonly PortRequest[], target: PublishTarget): Promise<PublishedPort[]> {
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
  async restore(ports: readonly PublishedPort[], target: PublishTarget): Promise<PublishedPort[]> {
    const failed: PublishedPort[] = [];
    for (const port of ports) {
      if (port.hostPort === 0) continue;
      this.#mark(port, target);
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

  async #fulfil(request: PortRequest, target: PublishTarget): Promise<PublishedPort[]> {
    const { hostPorts, protocol, containerPort } = request;
    const { taken, opened } = placesOf(request, target);
    const direct = opened.map((hostAddress) => ({ protocol, hostAddress, hostPort: 0, containerPort }));
    if (taken.length === 0) return direct;
    // Docker lists IPv4 first.
    const inOrder = (ports: readonly PublishedPort[]) =>
      [...ports, ...direct].sort((one, other) => Number(isIpv6(one.hostAddress)) - Number(isIpv6(other.hostAddress)));
    if (hostPorts !== undefined && hostPorts.first === hostPorts.last) {
      const conflict = this.#conflict(protocol, taken, hostPorts.first);
      if (conflict !== undefined) {
        log('info', 'a port is not free to be published', { port: hostPorts.first, protocol, ...conflict });
        throw fail('internal', `Bind for ${conflict.address}:${hostPorts.first} failed: port is already allocated`);
      }
      try {
        return inOrder(await this.#take(request, taken, hostPorts.first, target));
      } catch (error) {
        tellOwner(error, protocol, hostPorts.first);
        throw error;
      }
    }
    for (const port of this.#candidates(hostPorts)) {
      if (this.#conflict(protocol, taken, port) !== undefined) continue;
      try {
        return inOrder(await this.#take(request, taken, port, target));
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

  /** The address to name as taken, and by whom, when a port cannot be had on all of `wanted`. */
  #conflict(
    protocol: PortProtocol,
    wanted: readonly string[],
    port: number,
  ): { address: string; owner: string } | undefined {
    const taken = this.#taken.get(takenKey(protocol, port));
    if (taken === undefined) return undefined;
    for (const address of wanted) {
      for (const [other, owner] of taken) {
        if (isIpv6(other) !== isIpv6(address)) continue;
        if (other !== address && !isUnspecified(other) && !isUnspecified(address)) continue;
        return { address: isUnspecified(other) ? other : address, owner };
      }
    }
    return undefined;
  }

  async #take(
    { protocol, containerPort }: PortRequest,
    addresses: readonly string[],
    hostPort: number,
    target: PublishTarget,
  ): Promise<PublishedPort[]> {
    const ports = addresses.map((hostAddress) => ({ protocol, hostAddress, hostPort, containerPort }));
    // Marked before the first wait: a start beside this one must not find them free.
    for (const port of ports) this.#mark(port, target);
    try {
      for (const port of ports) this.#holds.set(holdKey(port), await this.#hold(port, target));
      return ports;
    } catch (error) {
      this.release(ports);
      throw error;
    }
  }

  #mark({ protocol, hostPort, hostAddress }: PublishedPort, { owner = '' }: PublishTarget): void {
    const key = takenKey(protocol, hostPort);
    const addresses = this.#taken.get(key) ?? new Map<string, string>();
    this.#taken.set(key, addresses.set(hostAddress, owner));
  }

  /** Of an IPv6 port the forwarder is the holder, also where rules lead past it: it has what is sent to `::1`. */
  async #hold(port: PublishedPort, { ipv4, ipv6 }: PublishTarget): Promise<Disposable> {
    const { protocol, hostAddress, hostPort, containerPort } = port;
    const address = (isIpv6(hostAddress) ? (ipv6 ?? ipv4) : ipv4) ?? '';
    try {
      return isIpv6(hostAddress) && protocol !== 'sctp'
        ? await openForwarder(protocol, { address: hostAddress, port: hostPort }, { address, port: containerPort })
        : reservePort(protocol, hostAddress, hostPort);
    } catch (error) {
      const place = `${bracketed(hostAddress)}:${hostPort}:${bracketed(address)}:${containerPort}/${protocol}`;
      const inUse = hasCode(error, 'EADDRINUSE');
      const reason = inUse ? 'address already in use' : reasonOf(error);
      throw fail('internal', `failed to bind host port for ${place}: ${reason}`, inUse ? new PortInUse() : error);
    }
  }
}

/** Says in the log which process has a port that was refused for it. */
function tellOwner(error: unknown, protocol: PortProtocol, port: number): void {
  if (!(error instanceof Error && error.cause instanceof PortInUse) || protocol === 'sctp') return;
  const owner = findPortOwner(protocol, port);
  if (owner !== undefined) log('info', 'a port is not free to be published', { port, protocol, ...owner });
}

function bracketed(address: string): string {
  return isIpv6(address) ? `[${address}]` : address;
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
