import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNetworkNamespace, deleteNetworkNamespace, inNetworkNamespace } from '#linux/namespaces';
import { addBridge, addVeth, enableHairpin, isolatePort, RouteSocket, setLink } from '#linux/rtnetlink';
import { addAddress, addDefaultRoute } from '#linux/rtnetlink-addresses';
import { areBridgedPacketsRuled } from '../firewall/bridged.ts';
import type { BridgeRules } from '../firewall/state.ts';

/** How long a packet that must not arrive is waited for; one that must is waited for much longer. */
const silenceMs = 700;
const deadlineMs = 20_000;

/** A network namespace with addresses: a container, or a machine of the world outside. */
export interface Place {
  readonly name: string;
  readonly path: string;
  /** Device of the host that its packets come from: the bridge, or the near end of its own link. */
  readonly device: string;
  readonly near: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

function sysctl(name: string, value: string): void {
  writeFileSync(`/proc/sys/net/${name}`, value);
}

/** Addresses serve without a look for others who have them, and IPv6 is there although a host may do without. */
function useIpv6AtOnce(): void {
  for (const name of ['all', 'default']) {
    sysctl(`ipv6/conf/${name}/disable_ipv6`, '0');
    sysctl(`ipv6/conf/${name}/accept_dad`, '0');
  }
}

/**
 * Bridges and namespaces for packets to be sent between, without an engine. It makes the network namespace that it runs in
 * a host of its own, so it is only for a process under `unshare --net`.
 */
export class Yard implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'yard-'));
  readonly #route = new RouteSocket();
  readonly #paths: string[] = [];
  readonly #servers: { stop(force?: boolean): void }[] = [];
  #count = 0;

  constructor() {
    this.#route.transact(setLink({ index: 1 }, { up: true }));
    for (const name of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding']) sysctl(name, '1');
    useIpv6AtOnce();
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) server.stop(true);
    for (const path of this.#paths) deleteNetworkNamespace(path);
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Makes the device of a bridge network, with the gateways as its addresses. */
  bridge({ device, ipv4, ipv6 }: BridgeRules): void {
    this.#route.transact(addBridge(device, {}));
    const { index } = this.#route.link(device);
    this.#route.transact(setLink({ index }, { up: true }));
    if (ipv4?.gateway !== undefined) this.#route.transact(addAddress(index, ipv4.gateway, 24));
    if (ipv6?.gateway !== undefined) this.#route.transact(addAddress(index, ipv6.gateway, 64));
    sysctl(`ipv4/conf/${device}/route_localnet`, '1');
  }

  /** A container behind a bridge: `10.1.0.` and `fd00:1::` with that number at their end. */
  container(name: string, bridge: BridgeRules, number: number): Place {
    const { device, ipv4, ipv6 } = bridge;
    const master = this.#route.link(device).index;
    const at = {
      ipv4: ipv4 === undefined ? '' : ipv4.subnet.replace(/\d+\/24$/, String(number)),
      ipv6: ipv6 === undefined ? '' : ipv6.subnet.replace(/\/64$/, String(number)),
    };
    const place = this.#place(name, device, master, at);
    if (!bridge.isInternal) this.#defaultRoutes(place, [ipv4?.gateway, ipv6?.gateway]);
    if (!bridge.icc && !areBridgedPacketsRuled()) this.#route.transact(isolatePort(this.#route.link(place.near).index));
    return place;
  }

  /** A neighbour of the host at its interface `device`, whose way to everything is the host. */
  outside(name: string, device: string, number: number): Place {
    const at = { ipv4: `198.51.${number}.2`, ipv6: `2001:db8:${number}::2` };
    const place = this.#place(name, device, 0, at);
    const { index } = this.#route.link(device);
    this.#route.transact(addAddress(index, `198.51.${number}.1`, 24));
    this.#route.transact(addAddress(index, `2001:db8:${number}::1`, 64));
    this.#defaultRoutes(place, [`198.51.${number}.1`, `2001:db8:${number}::1`]);
    return place;
  }

  #place(name: string, device: string, master: number, at: { ipv4: string; ipv6: string }): Place {
    const path = join(this.root, name);
    using made = createNetworkNamespace(path, () => {
      useIpv6AtOnce();
      return new RouteSocket();
    });
    this.#paths.push(path);
    const number = ++this.#count;
    const near = master === 0 ? device : `veth${number}`;
    const peer = {
      namespace: made.descriptor,
      name: 'eth0',
      mac: `02:00:00:00:00:${number.toString(16).padStart(2, '0')}`,
    };
    this.#route.transact(addVeth({ name: near, master, mtu: 1500, peer }));
    const link = this.#route.link(near);
    if (master !== 0) this.#route.transact(enableHairpin(link.index));
    made.opened.transact(setLink({ index: 1 }, { up: true }), setLink({ index: link.peer }, { up: true }));
    if (at.ipv4 !== '') made.opened.transact(addAddress(link.peer, at.ipv4, 24));
    if (at.ipv6 !== '') made.opened.transact(addAddress(link.peer, at.ipv6, 64));
    return { name, path, device, near, ...at };
  }

  /** Runs a shell command in a namespace, or on the host; returns what it prints. */
  async run(place: Place | undefined, command: string): Promise<string> {
    const enter = place === undefined ? [] : ['nsenter', `--net=${place.path}`];
    const child = Bun.spawn([...enter, 'sh', '-c', command], { stdio: ['ignore', 'pipe', 'ignore'] });
    return await child.stdout.text();
  }

  /** Whether an address answers to ping. */
  async ping(from: Place | undefined, address: string): Promise<boolean> {
    return (await this.run(from, `busybox ping -c 1 -W 1 ${address}`)).includes(' 0% packet loss');
  }

  #defaultRoutes({ path }: Place, gateways: readonly (string | undefined)[]): void {
    inNetworkNamespace(path, () => {
      using route = new RouteSocket();
      const { index } = route.link('eth0');
      for (const gateway of gateways) if (gateway !== undefined) route.transact(addDefaultRoute(gateway, index));
    });
  }

  /** A server at a place (the host where there is none) that answers with its name and the client's address. */
  serve(place: Place | undefined, name: string, port: number): void {
    const listen = () =>
      Bun.listen({
        hostname: '::',
        port,
        socket: {
          open: (socket) => void socket.end(`${name} ${socket.remoteAddress.replace('::ffff:', '')}`),
          data() {},
        },
      });
    this.#servers.push(place === undefined ? listen() : inNetworkNamespace(place.path, listen));
  }

  /** What answers at an address, asked from a place or the host; undefined when nothing does. */
  ask(from: Place | undefined, hostname: string, port: number): Promise<string | undefined> {
    return new Promise((resolve) => {
      let text = '';
      const handlers = {
        data(_: unknown, data: Buffer) {
          text += data.toString();
        },
        close: () => resolve(text === '' ? undefined : text),
        error: () => resolve(undefined),
        connectError: () => resolve(undefined),
      };
      const connect = () => Bun.connect({ hostname, port, socket: handlers });
      const connecting = from === undefined ? connect() : inNetworkNamespace(from.path, connect);
      connecting.catch(() => resolve(undefined));
      setTimeout(() => resolve(undefined), silenceMs).unref();
    });
  }

  /** The same where there must be an answer. */
  async reach(from: Place | undefined, hostname: string, port: number): Promise<string> {
    for (const start = Date.now(); ; ) {
      const answer = await this.ask(from, hostname, port);
      if (answer !== undefined) return answer;
      if (Date.now() - start > deadlineMs)
        throw new Error(`no answer of ${hostname}:${port} to ${from?.name ?? 'the host'}`);
    }
  }
}
