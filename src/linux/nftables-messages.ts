/** Families of tables: they decide which packets pass there. */
const families = { inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;

/** The family of a table. */
export type NftablesFamily = keyof typeof families;

/** The number of a family in messages. */
export function nftablesFamilyNumber(family: NftablesFamily): number {
  return families[family];
}

/** The family of that number; undefined for one that is not known. */
export function nftablesFamilyOf(number: number): NftablesFamily | undefined {
  return (Object.keys(families) as NftablesFamily[]).find((family) => families[family] === number);
}

const subsystem = 10;

/** Types of messages (linux/netfilter/nf_tables.h), with their subsystem. */
export const nftablesTypes = {
  newTable: (subsystem << 8) | 0,
  getTable: (subsystem << 8) | 1,
  deleteTable: (subsystem << 8) | 2,
  newChain: (subsystem << 8) | 3,
  getChain: (subsystem << 8) | 4,
  deleteChain: (subsystem << 8) | 5,
  newRule: (subsystem << 8) | 6,
  getRule: (subsystem << 8) | 7,
  deleteRule: (subsystem << 8) | 8,
  newSet: (subsystem << 8) | 9,
  deleteSet: (subsystem << 8) | 11,
  newElement: (subsystem << 8) | 12,
  deleteElement: (subsystem << 8) | 14,
  batchBegin: 0x10,
  batchEnd: 0x11,
} as const;

/** The resource of a batch of messages that are one transaction. */
export const nftablesSubsystem = subsystem;

/** Attributes of chains and rules. */
export const chainAttributes = { table: 1, name: 3, policy: 5 } as const;
export const ruleAttributes = { table: 1, chain: 2, handle: 3, userData: 7 } as const;

/** The header of a message: its family, and what it is about. */
export function generalHeader(family: number, resource = 0): Buffer {
  const header = Buffer.from([family, 0, 0, 0]);
  header.writeUInt16BE(resource, 2);
  return header;
}

/** What a message that tells of a change is about. */
interface ChangeMessage {
  readonly isRemoval: boolean;
  /** The attribute that names the chain, of those that have one. */
  readonly chainAttribute?: number;
}

const changes: ReadonlyMap<number, ChangeMessage> = new Map([
  [nftablesTypes.newTable, { isRemoval: false }],
  [nftablesTypes.deleteTable, { isRemoval: true }],
  [nftablesTypes.newChain, { isRemoval: false, chainAttribute: chainAttributes.name }],
  [nftablesTypes.deleteChain, { isRemoval: true, chainAttribute: chainAttributes.name }],
  [nftablesTypes.newRule, { isRemoval: false, chainAttribute: ruleAttributes.chain }],
  [nftablesTypes.deleteRule, { isRemoval: true, chainAttribute: ruleAttributes.chain }],
  [nftablesTypes.newSet, { isRemoval: false }],
  [nftablesTypes.deleteSet, { isRemoval: true }],
  [nftablesTypes.newElement, { isRemoval: false }],
  [nftablesTypes.deleteElement, { isRemoval: true }],
]);

/** What a message of that type tells; undefined when it tells of no change to a table. */
export function nftablesMessage(type: number): ChangeMessage | undefined {
  return changes.get(type);
}
