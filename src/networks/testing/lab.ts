import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NetworkInspect } from '#api';
import { openEvents } from '#events';
import { createNetworkNamespace, deleteNetworkNamespace, inNetworkNamespace } from '#linux/namespaces';
import { addAddress, addVeth, deleteLink, RouteSocket, setDefaultRoute, setLink } from '#linux/rtnetlink';
import { newId } from '#std/identifiers';
import { openRecords } from '#store';
import { type NetworkOptions, type NetworkSettings, openNetworks } from '../open.ts';
import type { Networks, Sandbox, SandboxRequest } from '../types.ts';

const busybox = 'busybox';
const deadlineMs = 30_000;

/** Waits until `condition` gives something, asked every few milliseconds. */
export async function eventually<T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await Bun.sleep(5);
  }
}

/** A start with nothing special; `over` says what is. */
export function request(over: Partial<SandboxRequest> = {}): SandboxRequest {
  const containerId = newId();
  return {
    containerId,
    containerName: `name-${containerId.slice(0, 6)}`,
    hostname: containerId.slice(0, 12),
    endpoints: [{ network: 'bridge', settings: {} }],
    resolver: { servers: [] },
    portBindings: {},
    exposedPorts: [],
    publishAll: false,
    sysctls: {},
    ...over,
  };
}

/** A shell command with which a namespace sends what is for 127.0.0.0/8 to a neighbour, as one may that can change its routes. */
export function loopbackBy(gateway: string): string {
  return [
    'echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet',
    'busybox ip rule add pref 9 lookup local; busybox ip rule del pref 0',
    'busybox ip rule add pref 5 to 127.0.0.0/8 lookup 7',
    `busybox ip route add table 7 127.0.0.0/8 via ${gateway}`,
  ].join('; ');
}

/** The one address of a sandbox on the default bridge. */
export function addressOf(sandbox: Sandbox): string {
  return sandbox.endpoints.bridge?.IPAddress ?? '';
}

/** Networks in a temporary directory, with servers and clients in namespaces; all of it is gone when it is disposed. */
export class Lab implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'networks-'));
  readonly #stack = new AsyncDisposableStack();
  #servers = 0;

  constructor() {
    this.#stack.defer(() => rmSync(this.root, { recursive: true, force: true }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Opens the networks of an engine called `name`; disposing the lab closes them. */
  async open(name = 'engine', options: Partial<NetworkOptions> = {}): Promise<Networks> {
    const directory = join(this.root, name);
    mkdirSync(directory, { recursive: true });
    const records = openRecords(join(directory, 'records.db'));
    const networks = await openNetworks({
      records,
      events: openEvents(records),
      execRoot: join(directory, 'exec'),
      ...options,
    });
    this.#stack.defer(async () => {
      await networks.close();
      records[Symbol.dispose]();
    });
    return networks;
  }

  /** Runs a process that ends with the lab. */
  spawn(command: readonly string[], namespacePath?: string): Bun.Subprocess<'ignore', 'pipe', 'inherit'> {
    const entered = namespacePath === undefined ? command : ['nsenter', `--net=${namespacePath}`, ...command];
    const child = Bun.spawn([...entered], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#stack.defer(async () => {
      child.kill('SIGKILL');
      await child.exited;
    });
    return child;
  }

  /** An engine that starts containers and is killed at once; `open` finds what it has left. */
  async killedEngine(
    requests: readonly SandboxRequest[],
    settings: Partial<NetworkSettings> = {},
  ): Promise<{ sandboxes: Sandbox[]; bridge: NetworkInspect; device: string; tag: string }> {
    const directory = join(this.root, 'engine');
    mkdirSync(directory, { recursive: true });
    const script = join(import.meta.dir, 'victim.ts');
    const child = this.spawn([
      process.execPath,
      script,
      directory,
      ...[requests, settings].map((one) => JSON.stringify(one)),
    ]);
    let text = '';
    for await (const chunk of child.stdout) {
      text += Buffer.from(chunk).toString();
      if (text.endsWith('\n')) break;
    }
    child.kill('SIGKILL');
    await child.exited;
    const { sandboxes, bridge } = JSON.parse(text) as { sandboxes: Sandbox[]; bridge: NetworkInspect };
    const device = bridge.Options['com.docker.network.bridge.name'] ?? '';
    using route = new RouteSocket();
    return { sandboxes, bridge, device, tag: route.link(device).alias.replace('estiba ', '') };
  }

  /** A web server in a namespace that answers every request for / with `text`; resolves when it listens. */
  async serve(namespacePath: string | undefined, port: number, text: string): Promise<void> {
    const directory = join(this.root, `www-${this.#servers++}`);
    mkdirSync(directory);
    writeFileSync(join(directory, 'index.html'), text);
    this.spawn([busybox, 'httpd', '-f', '-p', String(port), '-h', directory], namespacePath);
    await eventually('the web server listens', () => this.get('127.0.0.1', port, namespacePath));
  }

  /** What a web server answers, asked from a namespace or the host; undefined when it cannot be had within a second. */
  async get(host: string, port: number | string, namespacePath?: string): Promise<string | undefined> {
    const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | ${busybox} nc -w 1 ${host} ${port} 2>/dev/null`;
    const child = this.spawn(['sh', '-c', ask], namespacePath);
    const [head = '', body] = (await child.stdout.text()).split('\r\n\r\n');
    return head.includes(' 200 ') ? body : undefined;
  }

  /** The same where there must be an answer: on a busy machine the first try may come too late. */
  reach(host: string, port: number | string, namespacePath?: string): Promise<string> {
    return eventually(`an answer of ${host}:${port}`, () => this.get(host, port, namespacePath));
  }

  /** A namespace that plays the world outside: 198.51.100.2, its neighbour the host at 198.51.100.1. */
  outside(): string {
    const path = join(this.root, 'outside');
    const host = new RouteSocket();
    using made = createNetworkNamespace(path, () => new RouteSocket());
    this.#stack.defer(() => deleteNetworkNamespace(path));
    const device = `out${newId().slice(0, 8)}`;
    const peer = { namespace: made.descriptor, name: 'eth0', mac: '02:00:c6:33:64:02' };
    host.transact(addVeth({ name: device, master: 0, mtu: 1500, peer }));
    this.#stack.defer(() => {
      host.transact(deleteLink(device));
      host[Symbol.dispose]();
    });
    const link = host.link(device);
    host.transact(addAddress(link.index, '198.51.100.1', 24));
    made.opened.transact(
      setLink({ index: 1 }, { up: true }),
      setLink({ index: link.peer }, { up: true }),
      addAddress(link.peer, '198.51.100.2', 24),
      setDefaultRoute('198.51.100.1', link.peer),
    );
    return path;
  }
}

/** Names of the network devices of a namespace. */
export function deviceNames(namespacePath: string): string[] {
  return inNetworkNamespace(namespacePath, () => {
    using route = new RouteSocket();
    return route.links().map(({ name }) => name);
  });
}
