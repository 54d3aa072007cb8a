import { hasCode } from '#linux/errno';
import { allowReuse, bindSocket, closeSocket, listenOn, openSocket, setReceiveBuffer } from '#linux/inet-sockets';
import { inNetworkNamespace } from '#linux/namespaces';
import { NetlinkSocket, netfilterProtocol } from '#linux/netlink';
import { type PreparedRewrite, prepareRewrite, rewritePort } from '#linux/port-rewrite';
import { socketAddress } from '#linux/socket-address';
import { lazy } from '#std/lazy';
import { domainPort, resolverAddress } from './upstream.ts';

const table = 'estiba_names';
/** Above the ports that the kernel gives out by itself, and that people choose. */
const firstPort = 61_000;
const lastPort = 65_500;
const attempts = 100;
/** Some thousand questions, for when the machine is busy; memory is taken only for those that wait. */
const receiveBufferBytes = 2 * 1024 * 1024;
const backlog = 256;

/** Sockets in a container's namespace, which get what is sent to 127.0.0.11:53 in it. */
export interface Listener extends Disposable {
  readonly udp: number;
  readonly tcp: number;
  /** To be closed later, when it takes no time; else disposing the listener does it. */
  readonly settling: Disposable | undefined;
}

function place(port: number): Buffer {
  return socketAddress(resolverAddress, port);
}

function somePort(): number {
  return firstPort + Math.floor(Math.random() * (lastPort - firstPort));
}

function rewriteTo(port: number): PreparedRewrite {
  return prepareRewrite({ table, address: place(port).subarray(4, 8), from: domainPort, to: port });
}

/** The port that nearly always is free, and what goes with it: made once. */
const usual = lazy(() => {
  const port = somePort();
  return { port, rewrite: rewriteTo(port) };
});

/** Binds both to one port. */
function bindBoth(udp: number, tcp: number, port: number): void {
  bindSocket(udp, place(port));
  allowReuse(tcp);
  bindSocket(tcp, place(port));
}

interface Opened {
  readonly netlink: NetlinkSocket;
  readonly udp: number;
  readonly tcp: number;
}

/** Opens what belongs to the namespace: no more is done in it, so that the thread is back soon. */
function openIn(namespacePath: string): Opened {
  const opened: number[] = [];
  try {
    return inNetworkNamespace(namespacePath, () => {
      const udp = openSocket('udp');
      opened.push(udp);
      const tcp = openSocket('tcp');
      opened.push(tcp);
      return { udp, tcp, netlink: new NetlinkSocket(netfilterProtocol) };
    });
  } catch (error) {
    for (const descriptor of opened) closeSocket(descriptor);
    throw error;
  }
}

/**
 * Listens at 127.0.0.11:53 in a network namespace, without taking that port from those in it: the sockets have another one,
 * and the kernel is told to rewrite. Throws `SystemCallError` when the namespace is gone.
 */
export function openListener(namespacePath: string): Listener {
  for (let attempt = 1; ; attempt++) {
    const opened = openIn(namespacePath);
    try {
      return listen(opened, attempt === 1 ? usual().port : somePort());
    } catch (error) {
      for (const descriptor of [opened.udp, opened.tcp]) closeSocket(descriptor);
      opened.netlink[Symbol.dispose]();
      if (!hasCode(error, 'EADDRINUSE') || attempt === attempts) throw error;
    }
  }
}

function listen({ udp, tcp, netlink }: Opened, port: number): Listener {
  bindBoth(udp, tcp, port);
  setReceiveBuffer(udp, receiveBufferBytes);
  listenOn(tcp, backlog);
  const hasReplaced = rewritePort(netlink, port === usual().port ? usual().rewrite : rewriteTo(port));
  if (!hasReplaced) netlink[Symbol.dispose]();
  return {
    udp,
    tcp,
    settling: hasReplaced ? netlink : undefined,
    [Symbol.dispose]() {
      closeSocket(udp);
      closeSocket(tcp);
      netlink[Symbol.dispose]();
    },
  };
}
