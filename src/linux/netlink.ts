import { ptr } from 'bun:ffi';
import { lazy } from '#std/lazy';
import { check, lastErrno, libc, SystemCallError } from './errno.ts';

const netlinkFamily = 16;
const rawSocket = 3;
const closeOnExec = 0o2000000;
const netlinkLevel = 270;
const cappedAck = 10;
const extendedAck = 11;
const headerBytes = 16;
const alignment = 4;

/** Protocol of the sockets that speak of nftables and of tracked connections (NETLINK_NETFILTER). */
export const netfilterProtocol = 12;

/** Flags of a request (netlink(7)). */
export const netlinkFlags = {
  request: 0x1,
  ack: 0x4,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
} as const;
const multipart = 0x2;
const ackCapped = 0x100;
const ackHasAttributes = 0x200;
const errorType = 2;
const doneType = 3;
const ackMessageAttribute = 1;
const nested = 0x8000;
const withoutWaiting = 0x40;
const receiveBytes = 256 * 1024;
const socketLevel = 1;
const sendBufferForced = 32;
/** What every socket has room for at least. */
const usualRoomBytes = 64 * 1024;

/** One for all sockets: a call never waits between receiving and copying. */
const receiveBuffer = lazy(() => Buffer.alloc(receiveBytes));

const library = libc({
  socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  send: { args: ['i32', 'ptr', 'u64', 'i32'], returns: 'i64' },
  recv: { args: ['i32', 'ptr', 'u64', 'i32'], returns: 'i64' },
  setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
  close: { args: ['i32'], returns: 'i32' },
});

/** One request: its type and flags, its body (the family's header, then attributes) and what to name in an error. */
export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
  readonly subject: string;
  /** Whether the kernel answers it only when it fails: the bounds of a batch. */
  readonly isSilent?: boolean;
}

/** One message of an answer. */
export interface NetlinkMessage {
  readonly type: number;
  readonly body: Buffer;
}

/** A request that the kernel refused: the errno's name is in `code`, the kernel's own words (extended ack) in the message. */
export class NetlinkError extends SystemCallError {
  constructor(subject: string, errno: number, words: string) {
    super('netlink', errno, subject);
    if (words !== '') this.message += ` (${words})`;
  }
}

function padded(length: number): number {
  return (length + alignment - 1) & ~(alignment - 1);
}

/** Writes one attribute. Numbers are 32 bits wide, strings end with a zero, lists are nested attributes. */
export function attribute(type: number, value: Buffer | number | string | readonly Buffer[]): Buffer {
  let payload: Buffer;
  if (typeof value === 'number') {
    payload = Buffer.alloc(4);
    payload.writeUInt32LE(value >>> 0);
  } else if (typeof value === 'string') payload = Buffer.from(`${value}\0`);
  else if (Buffer.isBuffer(value)) payload = value;
  else payload = Buffer.concat(value as readonly Buffer[]);
  const result = Buffer.alloc(padded(4 + payload.length));
  result.writeUInt16LE(4 + payload.length, 0);
  result.writeUInt16LE(Array.isArray(value) ? type | nested : type, 2);
  payload.copy(result, 4);
  return result;
}

/** Reads attributes from `offset` on: type -> payload. */
export function readAttributes(body: Buffer, offset: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = offset; at + 4 <= body.length; ) {
    const length = body.readUInt16LE(at);
    if (length < 4) break;
    found.set(body.readUInt16LE(at + 2) & 0x3fff, body.subarray(at + 4, at + length));
    at += padded(length);
  }
  return found;
}

/** The text of a string attribute, without its zero; empty when there is none. */
export function attributeText(value: Buffer | undefined): string {
  return value === undefined ? '' : value.toString('utf8').replace(/\0.*$/, '');
}

/**
 * A netlink socket. It belongs for life to the network namespace in which it was opened, whichever the thread hops to.
 * All calls are synchronous: the kernel has done a request, and queued its answer, when `send` returns.
 */
export class NetlinkSocket implements Disposable {
  readonly #descriptor: number;
  #sequence = 0;
  #isClosed = false;
  #roomBytes = usualRoomBytes;

  /** `protocol`: NETLINK_ROUTE is 0, NETLINK_NETFILTER 12. */
  constructor(protocol: number) {
    this.#descriptor = check('socket', library().socket(netlinkFamily, rawSocket | closeOnExec, protocol), 'netlink');
    const on = Buffer.from([1, 0, 0, 0]);
    // Both only make errors say more; an old kernel knows neither.
    library().setsockopt(this.#descriptor, netlinkLevel, cappedAck, ptr(on), 4);
    library().setsockopt(this.#descriptor, netlinkLevel, extendedAck, ptr(on), 4);
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    library().close(this.#descriptor);
  }

  /**
   * Sends all requests in one system call; the kernel works through them in order and does not stop at one that fails.
   * Throws the first failure (`NetlinkError`), after all answers are in. Returns what was answered beside acknowledgements.
   */
  transact(...requests: readonly NetlinkRequest[]): NetlinkMessage[] {
    const first = this.#sequence + 1;
    const parts: Buffer[] = [];
    for (const { type, flags, body } of requests) {
      const header = Buffer.alloc(headerBytes);
      header.writeUInt32LE(headerBytes + body.length, 0);
      header.writeUInt16LE(type, 4);
      header.writeUInt16LE(flags | netlinkFlags.request, 6);
      this.#sequence = (this.#sequence + 1) >>> 0;
      header.writeUInt32LE(this.#sequence, 8);
      parts.push(header, body, Buffer.alloc(padded(body.length) - body.length));
    }
    const data = Buffer.concat(parts);
    this.#makeRoom(data.length);
    check('send', library().send(this.#descriptor, ptr(data), data.length, 0), 'netlink');
    return this.#answers(requests, first);
  }

  /** A batch goes as a whole or not at all, so the socket has to have room for it. */
  #makeRoom(bytes: number): void {
    if (bytes <= this.#roomBytes) return;
    this.#roomBytes = bytes * 2;
    const size = Buffer.alloc(4);
    size.writeUInt32LE(this.#roomBytes);
    check('setsockopt', library().setsockopt(this.#descriptor, socketLevel, sendBufferForced, ptr(size), 4), 'netlink');
  }

  #answers(requests: readonly NetlinkRequest[], first: number): NetlinkMessage[] {
    const answers: NetlinkMessage[] = [];
    const pending = new Set(requests.flatMap(({ isSilent }, index) => (isSilent === true ? [] : [first + index])));
    let failure: NetlinkError | undefined;
    while (pending.size > 0) {
      const received = this.#receive();
      if (received === undefined) {
        // A batch that is refused as a whole has one answer.
        if (failure !== undefined) break;
        throw new SystemCallError('recv', lastErrno(), 'netlink');
      }
      for (const { type, flags, sequence, body } of received) {
        const subject = requests[sequence - first]?.subject;
        // What an earlier call left behind is not ours.
        if (subject === undefined) continue;
        if (type === errorType) {
          pending.delete(sequence);
          failure ??= readFailure(body, flags, subject);
        } else if (type === doneType) pending.delete(sequence);
        else {
          answers.push({ type, body });
          if ((flags & multipart) === 0 && ((requests[sequence - first]?.flags ?? 0) & netlinkFlags.ack) === 0) {
            pending.delete(sequence);
          }
        }
      }
    }
    if (failure !== undefined) throw failure;
    return answers;
  }

  /** The messages of one datagram; undefined when there is none. */
  #receive(): ReceivedMessage[] | undefined {
    // The answers are there by now. Should one be missing, then waiting for it would stop the whole engine.
    const buffer = receiveBuffer();
    const received = library().recv(this.#descriptor, ptr(buffer), buffer.length, withoutWaiting);
    return received < 0 ? undefined : readMessages(Buffer.from(buffer.subarray(0, Number(received))));
  }
}

/** A message as it was received. */
export interface ReceivedMessage extends NetlinkMessage {
  readonly flags: number;
  readonly sequence: number;
  /** The socket that it is for or, where it tells of a change, whose request that was. */
  readonly port: number;
}

/** Cuts what a netlink socket gave into messages. */
export function readMessages(data: Buffer): ReceivedMessage[] {
  const messages: ReceivedMessage[] = [];
  for (let at = 0; at + headerBytes <= data.length; ) {
    const length = data.readUInt32LE(at);
    if (length < headerBytes) break;
    messages.push({
      type: data.readUInt16LE(at + 4),
      flags: data.readUInt16LE(at + 6),
      sequence: data.readUInt32LE(at + 8),
      port: data.readUInt32LE(at + 12),
      body: data.subarray(at + headerBytes, at + length),
    });
    at += padded(length);
  }
  return messages;
}

/** The failure that an error message tells of; undefined for an acknowledgement. */
function readFailure(body: Buffer, flags: number, subject: string): NetlinkError | undefined {
  const errno = -body.readInt32LE(0);
  if (errno === 0) return undefined;
  if ((flags & ackHasAttributes) === 0) return new NetlinkError(subject, errno, '');
  // Behind the errno comes the header of the request, with its body unless that was cut off.
  const request = (flags & ackCapped) === 0 ? padded(body.readUInt32LE(4)) : headerBytes;
  return new NetlinkError(subject, errno, attributeText(readAttributes(body, 4 + request).get(ackMessageAttribute)));
}
