import { dlopen, type Pointer, ptr } from 'bun:ffi';
import { fail } from '#std/errors';
import { lazy } from '#std/lazy';
import { attribute, type NetlinkRequest, NetlinkSocket, netlinkFlags } from './netlink.ts';

const showHandles = 1 << 3;

const library = lazy(() => {
  const { symbols } = dlopen('libnftables.so.1', {
    nft_ctx_new: { args: ['u32'], returns: 'ptr' },
    nft_ctx_buffer_error: { args: ['ptr'], returns: 'i32' },
    nft_ctx_buffer_output: { args: ['ptr'], returns: 'i32' },
    nft_ctx_output_set_flags: { args: ['ptr', 'u32'], returns: 'void' },
    nft_ctx_get_error_buffer: { args: ['ptr'], returns: 'cstring' },
    nft_ctx_get_output_buffer: { args: ['ptr'], returns: 'cstring' },
    nft_run_cmd_from_buffer: { args: ['ptr', 'ptr'], returns: 'i32' },
  });
  return symbols;
});

/** One context for the process's life; it belongs to the network namespace in which it was made. */
const context = lazy((): Pointer => {
  const made = library().nft_ctx_new(0);
  if (made === null) throw fail('internal', 'nftables: no context');
  library().nft_ctx_buffer_error(made);
  library().nft_ctx_buffer_output(made);
  library().nft_ctx_output_set_flags(made, showHandles);
  return made as Pointer;
});

/**
 * Runs commands in the language of nft(8) as one transaction: all of it or nothing. Returns what they print (handles
 * included); throws `internal` with the first complaint. The library reads tables of all owners before most commands, so
 * the time that it takes grows with the host's ruleset: for what is done for each container there are `addMapElements`
 * and `deleteMapElements`.
 */
export function runNftables(commands: string): string {
  const text = Buffer.from(`${commands}\0`);
  const status = library().nft_run_cmd_from_buffer(context(), ptr(text));
  const complaint = String(library().nft_ctx_get_error_buffer(context()) ?? '');
  const output = String(library().nft_ctx_get_output_buffer(context()) ?? '');
  if (status !== 0) throw fail('internal', `nftables: ${firstLine(complaint)}`);
  return output;
}

/** `<cmdline>:1:1-5: Error: Could not process rule: No such file or directory` without its place. */
function firstLine(complaint: string): string {
  return (complaint.split('\n')[0] ?? '').replace(/^\S+: Error: /, '');
}

const netfilterProtocol = 12;
const nftablesSubsystem = 10;
const batchBegin = 0x10;
const batchEnd = 0x11;
const newElement = (nftablesSubsystem << 8) | 12;
const deleteElement = (nftablesSubsystem << 8) | 14;
const ipv4Family = 2;

const socket = lazy(() => new NetlinkSocket(netfilterProtocol));

/** An element of a map, as bytes: each field of a concatenation is padded to four, numbers are in network order. */
export interface MapElement {
  readonly map: string;
  readonly key: Buffer;
  readonly data: Buffer;
}

function generalHeader(family: number, resource: number): Buffer {
  const header = Buffer.from([family, 0, 0, 0]);
  header.writeUInt16BE(resource, 2);
  return header;
}

function elementRequest(type: number, table: string, { map, key, data }: MapElement): NetlinkRequest {
  const parts = [attribute(1, [attribute(1, key)])];
  if (type === newElement) parts.push(attribute(2, [attribute(1, data)]));
  const body = Buffer.concat([
    generalHeader(ipv4Family, 0),
    attribute(1, table),
    attribute(2, map),
    attribute(3, [attribute(1, parts)]),
  ]);
  const flags = netlinkFlags.ack | (type === newElement ? netlinkFlags.create | netlinkFlags.exclusive : 0);
  return { type, flags, body, subject: `element of ${table} ${map}` };
}

function changeElements(type: number, table: string, elements: readonly MapElement[]): void {
  if (elements.length === 0) return;
  const begin = { flags: 0, body: generalHeader(0, nftablesSubsystem), subject: 'batch', isSilent: true };
  socket().transact(
    { ...begin, type: batchBegin },
    ...elements.map((element) => elementRequest(type, table, element)),
    { ...begin, type: batchEnd },
  );
}

/**
 * Adds elements to maps of an `ip` table in one transaction, over netlink alone, in time independent of all that is there
 * already. Throws `NetlinkError`: ENOENT when table or map is missing, EEXIST for a key that is taken.
 */
export function addMapElements(table: string, elements: readonly MapElement[]): void {
  changeElements(newElement, table, elements);
}

/** Takes elements out again, in one transaction: ENOENT when one of them (or the table) is not there, and then none goes. */
export function deleteMapElements(table: string, elements: readonly MapElement[]): void {
  changeElements(deleteElement, table, elements);
}
