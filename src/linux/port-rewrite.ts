import { hasCode } from './errno.ts';
import { attribute, type NetlinkRequest, type NetlinkSocket, netlinkFlags } from './netlink.ts';
import { generalHeader, nftablesFamilyNumber, nftablesSubsystem, nftablesTypes } from './nftables-messages.ts';

const ipv4 = nftablesFamilyNumber('ip');
const outputHook = 3;
/** Before the connection tracking, which such packets need not pass. */
const rawPriority = -300;
const append = 0x800;

const networkHeader = 1;
const transportHeader = 2;
const sourceAddress = 12;
const destinationAddress = 16;
const sourcePort = 0;
const destinationPort = 2;
const protocolKey = 16;
const register = 1;
const verdictRegister = 0;
const equal = 0;
const internetChecksum = 1;
const protocols = { udp: { number: 17, checksum: 6 }, tcp: { number: 6, checksum: 16 } } as const;
const icmp = 1;

function number(value: number): Buffer {
  const result = Buffer.alloc(4);
  result.writeInt32BE(value, 0);
  return result;
}

function port(value: number): Buffer {
  const result = Buffer.alloc(2);
  result.writeUInt16BE(value, 0);
  return result;
}

function expression(name: string, ...parts: Buffer[]): Buffer {
  const data = parts.length === 0 ? [] : [attribute(2, parts)];
  return attribute(1, [attribute(1, name), ...data]);
}

/** Goes on only where these bytes of the packet are `value`. */
function matchBytes(base: number, offset: number, value: Buffer): Buffer[] {
  return [
    expression(
      'payload',
      attribute(1, number(register)),
      attribute(2, number(base)),
      attribute(3, number(offset)),
      attribute(4, number(value.length)),
    ),
    matchRegister(value),
  ];
}

function matchRegister(value: Buffer): Buffer {
  return expression(
    'cmp',
    attribute(1, number(register)),
    attribute(2, number(equal)),
    attribute(3, [attribute(1, value)]),
  );
}

function matchProtocol(value: number): Buffer[] {
  const load = expression('meta', attribute(2, number(protocolKey)), attribute(1, number(register)));
  return [load, matchRegister(Buffer.from([value]))];
}

function writePort(offset: number, value: number, checksum: number): Buffer[] {
  return [
    expression('immediate', attribute(1, number(register)), attribute(2, [attribute(1, port(value))])),
    expression(
      'payload',
      attribute(5, number(register)),
      attribute(2, number(transportHeader)),
      attribute(3, number(offset)),
      attribute(4, number(2)),
      attribute(6, number(internetChecksum)),
      attribute(7, number(checksum)),
    ),
  ];
}

function drop(): Buffer {
  const verdict = attribute(2, [attribute(1, number(0))]);
  return expression('immediate', attribute(1, number(verdictRegister)), attribute(2, [verdict]));
}

/** What is rewritten, in one network namespace. */
export interface PortRewrite {
  /** Name of the nftables table, of family `ip`, that is replaced. */
  readonly table: string;
  /** IPv4 address, as four bytes. */
  readonly address: Buffer;
  /** The port that clients know. */
  readonly from: number;
  /** The port at which the server is. */
  readonly to: number;
}

function rules({ address, from, to }: PortRewrite): Buffer[][] {
  const both = Object.values(protocols);
  const unreachable = Buffer.from([3, 3]);
  return [
    ...both.map(({ number: protocol, checksum }) => [
      ...matchBytes(networkHeader, destinationAddress, address),
      ...matchProtocol(protocol),
      ...matchBytes(transportHeader, destinationPort, port(from)),
      expression('notrack'),
      ...writePort(destinationPort, to, checksum),
    ]),
    ...both.map(({ number: protocol, checksum }) => [
      ...matchBytes(networkHeader, sourceAddress, address),
      ...matchProtocol(protocol),
      ...matchBytes(transportHeader, sourcePort, port(to)),
      expression('notrack'),
      ...writePort(sourcePort, from, checksum),
    ]),
    [
      ...matchBytes(networkHeader, sourceAddress, address),
      ...matchProtocol(icmp),
      ...matchBytes(transportHeader, 0, unreachable),
      drop(),
    ],
  ];
}

/** The requests of one transaction: a fresh table, in the place of an earlier one when there is (`replace`) or may be none. */
function transaction(rewrite: PortRewrite, mode: 'make' | 'replace'): NetlinkRequest[] {
  const { table } = rewrite;
  const chain = 'output';
  const request = (type: number, flags: number, ...attributes: Buffer[]): NetlinkRequest => ({
    type,
    flags: flags | netlinkFlags.ack,
    body: Buffer.concat([generalHeader(ipv4), ...attributes]),
    subject: `table ${table}`,
  });
  const bound = { flags: 0, body: generalHeader(0, nftablesSubsystem), subject: 'batch', isSilent: true };
  const hook = attribute(4, [attribute(1, number(outputHook)), attribute(2, number(rawPriority))]);
  return [
    { ...bound, type: nftablesTypes.batchBegin },
    ...(mode === 'replace' ? [request(nftablesTypes.deleteTable, 0, attribute(1, table))] : []),
    request(
      nftablesTypes.newTable,
      netlinkFlags.create | netlinkFlags.exclusive,
      attribute(1, table),
      attribute(2, number(0)),
    ),
    request(
      nftablesTypes.newChain,
      netlinkFlags.create,
      attribute(1, table),
      attribute(3, chain),
      hook,
      attribute(7, 'filter'),
    ),
    ...rules(rewrite).map((expressions) =>
      request(
        nftablesTypes.newRule,
        netlinkFlags.create | append,
        attribute(1, table),
        attribute(2, chain),
        attribute(4, expressions),
      ),
    ),
    { ...bound, type: nftablesTypes.batchEnd },
  ];
}

/** What has the kernel rewrite, ready for any number of namespaces. */
export interface PreparedRewrite {
  readonly find: NetlinkRequest;
  readonly make: readonly NetlinkRequest[];
  readonly replace: readonly NetlinkRequest[];
}

/** Spells it out: the costly part. */
export function prepareRewrite(rewrite: PortRewrite): PreparedRewrite {
  const { table } = rewrite;
  const body = Buffer.concat([generalHeader(ipv4), attribute(1, table)]);
  const find = { type: nftablesTypes.getTable, flags: netlinkFlags.ack, body, subject: `table ${table}` };
  return { find, make: transaction(rewrite, 'make'), replace: transaction(rewrite, 'replace') };
}

/**
 * Has the kernel change the port of local packets to `address`, UDP and TCP, and that of the answers back, in the network
 * namespace of `socket`: a server at a port that nobody wants answers at one that others may bind too. Packets are changed
 * one by one, without connection tracking, so that no table can fill up. While no server is there, nobody is told that the
 * UDP port is unreachable: clients ask again. One transaction. Returns whether it replaced what an earlier call left: to close
 * the socket then takes some milliseconds, until the kernel has put the old away.
 */
export function rewritePort(socket: NetlinkSocket, { find, make, replace }: PreparedRewrite): boolean {
  // It is asked for, not tried: to undo a transaction that fails takes the kernel milliseconds.
  const isThere = exists(socket, find);
  socket.transact(...(isThere ? replace : make));
  return isThere;
}

function exists(socket: NetlinkSocket, find: NetlinkRequest): boolean {
  try {
    socket.transact(find);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}
