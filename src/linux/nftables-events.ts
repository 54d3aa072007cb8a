import { ptr } from 'bun:ffi';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { check, libc } from './errno.ts';
import { attributeText, netfilterProtocol, readAttributes, readMessages } from './netlink.ts';
import { type NftablesFamily, nftablesFamilyOf, nftablesMessage } from './nftables-messages.ts';

const netlinkFamily = 16;
const rawSocket = 3;
const closeOnExec = 0o2000000;
const withoutWaiting = 0o4000;
const changesGroup = 7;
const socketLevel = 1;
const receiveBufferForced = 33;
const receiveBytes = 16 * 1024 * 1024;
const generalHeaderBytes = 4;
const foreignLimit = 4096;

const library = libc({
  socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  bind: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
  setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
  close: { args: ['i32'], returns: 'i32' },
});

/** Something that was made, changed or removed in the tables of this network namespace, by another process. */
export interface NftablesChange {
  readonly isRemoval: boolean;
  readonly family: NftablesFamily | undefined;
  readonly table: string;
  /** Of a chain or a rule. */
  readonly chain: string | undefined;
}

/** Ports of this process's own netfilter sockets: they are who a change is from. */
function ownPorts(): Set<number> {
  const inodes = new Set<string>();
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${name}`)) ?? [];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // Closed meanwhile.
    }
  }
  const ports = new Set<number>();
  for (const line of readFileSync('/proc/thread-self/net/netlink', 'utf8').split('\n')) {
    const columns = line.trim().split(/\s+/);
    if (columns[1] === String(netfilterProtocol) && inodes.has(columns.at(-1) ?? '')) ports.add(Number(columns[2]));
  }
  return ports;
}

function openSocket(): number {
  const { socket, bind, setsockopt, close } = library();
  const descriptor = check(
    'socket',
    socket(netlinkFamily, rawSocket | closeOnExec | withoutWaiting, netfilterProtocol),
  );
  try {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(receiveBytes);
    setsockopt(descriptor, socketLevel, receiveBufferForced, ptr(size), 4);
    const address = Buffer.alloc(12);
    address.writeUInt16LE(netlinkFamily, 0);
    address.writeUInt32LE(1 << (changesGroup - 1), 8);
    check('bind', bind(descriptor, ptr(address), address.length), 'nftables changes');
    return descriptor;
  } catch (error) {
    close(descriptor);
    throw error;
  }
}

function readChange(type: number, body: Buffer): NftablesChange | undefined {
  const message = nftablesMessage(type);
  if (message === undefined) return undefined;
  const attributes = readAttributes(body, generalHeaderBytes);
  const chain =
    message.chainAttribute === undefined ? undefined : attributeText(attributes.get(message.chainAttribute));
  const table = attributeText(attributes.get(1));
  return { isRemoval: message.isRemoval, family: nftablesFamilyOf(body.readUInt8(0)), table, chain };
}

/**
 * Tells of changes that others make to nftables in this network namespace, of those that `concerns` picks, as they come.
 * `onChanges` gets undefined when some were lost, because there were too many at once. No timer: the kernel wakes us.
 */
export function watchNftables(
  concerns: (change: NftablesChange) => boolean,
  onChanges: (changes: readonly NftablesChange[] | undefined) => void,
): Disposable {
  let own = ownPorts();
  const foreign = new Set<number>();
  let isOpen = true;
  let cancel: (() => Promise<void>) | undefined;

  /** A port is looked up once; sockets of ours that were opened since are found by looking again. */
  function isOwn(port: number): boolean {
    if (own.has(port)) return true;
    if (foreign.has(port)) return false;
    own = ownPorts();
    if (foreign.size > foreignLimit) foreign.clear();
    if (!own.has(port)) foreign.add(port);
    return own.has(port);
  }

  function take(data: Uint8Array): void {
    const changes = readMessages(Buffer.from(data)).flatMap(({ type, port, body }) => {
      const change = readChange(type, body);
      // Who it is from is asked last: that may cost a look at all descriptors.
      return change === undefined || !concerns(change) || isOwn(port) ? [] : [change];
    });
    if (isOpen && changes.length > 0) onChanges(changes);
  }

  async function follow(): Promise<void> {
    while (isOpen) {
      const stream = Bun.file(openSocket()).stream().getReader();
      cancel = () => stream.cancel();
      try {
        for (let part = await stream.read(); !part.done; part = await stream.read()) take(part.value);
      } catch {
        // ENOBUFS: the kernel had no room to tell us more.
      }
      if (isOpen) onChanges(undefined);
    }
  }

  const following = follow();
  following.catch(() => {});
  return {
    [Symbol.dispose]() {
      isOpen = false;
      cancel?.().catch(() => {});
    },
  };
}
