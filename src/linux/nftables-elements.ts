import { lazy } from '#std/lazy';
import { attribute, type NetlinkRequest, NetlinkSocket, netfilterProtocol, netlinkFlags } from './netlink.ts';
import {
  generalHeader,
  type NftablesFamily,
  nftablesFamilyNumber,
  nftablesSubsystem,
  nftablesTypes,
} from './nftables-messages.ts';

/** An element of a set or map, as bytes: each field of a concatenation is padded to four, numbers are in network order. */
export interface SetElement {
  readonly family: NftablesFamily;
  readonly set: string;
  readonly key: Buffer;
  /** Of a map: where the key leads to. */
  readonly data?: Buffer;
  /** Of a set of ranges: whether this is the first key behind a range, and no longer in it. */
  readonly isEnd?: boolean;
}

const elementList = { table: 1, set: 2, elements: 3 } as const;
const elementPart = { key: 1, data: 2, flags: 3 } as const;
const intervalEnd = 1;
/** The length of a nested attribute has sixteen bits. */
const messageBytes = 48 * 1024;

const socket = lazy(() => new NetlinkSocket(netfilterProtocol));

function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function elementAttribute({ key, data, isEnd }: SetElement, isNew: boolean): Buffer {
  const parts = [attribute(elementPart.key, [attribute(1, key)])];
  if (isNew && data !== undefined) parts.push(attribute(elementPart.data, [attribute(1, data)]));
  if (isEnd === true) parts.push(attribute(elementPart.flags, bigEndian(intervalEnd)));
  return attribute(1, parts);
}

/** Few messages for many elements: those of one set go together. */
function requests(type: number, table: string, elements: readonly SetElement[]): NetlinkRequest[] {
  const isNew = type === nftablesTypes.newElement;
  const flags = netlinkFlags.ack | (isNew ? netlinkFlags.create | netlinkFlags.exclusive : 0);
  const made: NetlinkRequest[] = [];
  for (const group of Map.groupBy(elements, ({ family, set }) => `${family} ${set}`).values()) {
    const [{ family, set } = { family: 'ip' as const, set: '' }] = group;
    let list: Buffer[] = [];
    let length = 0;
    const flush = (): void => {
      const body = Buffer.concat([
        generalHeader(nftablesFamilyNumber(family)),
        attribute(elementList.table, table),
        attribute(elementList.set, set),
        attribute(elementList.elements, list),
      ]);
      made.push({ type, flags, body, subject: `element of ${family} ${table} ${set}` });
      list = [];
      length = 0;
    };
    for (const element of group) {
      const part = elementAttribute(element, isNew);
      if (length + part.length > messageBytes) flush();
      list.push(part);
      length += part.length;
    }
    flush();
  }
  return made;
}

/**
 * Takes elements out of sets and maps of `table` (the tables of that name, in each family), and adds others, as one
 * transaction over netlink alone: its time depends on the number of these elements, not on what is there already. Throws
 * `NetlinkError`, and then nothing has changed: ENOENT when a table, a set or an element to take is missing, EEXIST for a
 * key that is taken.
 */
export function changeElements(
  table: string,
  change: { remove?: readonly SetElement[]; add?: readonly SetElement[] },
): void {
  const { remove = [], add = [] } = change;
  if (remove.length + add.length === 0) return;
  const bound = { flags: 0, body: generalHeader(0, nftablesSubsystem), subject: 'batch', isSilent: true };
  socket().transact(
    { ...bound, type: nftablesTypes.batchBegin },
    ...requests(nftablesTypes.deleteElement, table, remove),
    ...requests(nftablesTypes.newElement, table, add),
    { ...bound, type: nftablesTypes.batchEnd },
  );
}
