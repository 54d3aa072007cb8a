import { lazy } from '#std/lazy';
import { hasCode } from './errno.ts';
import { attribute, NetlinkSocket, netfilterProtocol, netlinkFlags, readAttributes } from './netlink.ts';
import {
  chainAttributes,
  generalHeader,
  type NftablesFamily,
  nftablesFamilyNumber,
  nftablesTypes,
  ruleAttributes,
} from './nftables-messages.ts';

const generalHeaderBytes = 4;
const dropPolicy = 0;
const commentField = 0;

const socket = lazy(() => new NetlinkSocket(netfilterProtocol));

/** A chain as it is now. */
export interface ChainState {
  /** Whether it drops what none of its rules decides. */
  readonly dropsByDefault: boolean;
  readonly rules: readonly { readonly handle: bigint; readonly comment: string }[];
}

/** The comment in a rule's user data, which is a list of type, length and value. */
function commentOf(data: Buffer | undefined): string {
  for (let at = 0; data !== undefined && at + 2 <= data.length; at += 2 + data.readUInt8(at + 1)) {
    if (data.readUInt8(at) !== commentField) continue;
    return data.toString('utf8', at + 2, at + 2 + data.readUInt8(at + 1)).replace(/\0.*$/, '');
  }
  return '';
}

/**
 * Looks at one chain, over netlink alone: nothing else is read, and rules of other tools need not be understood. Undefined
 * when there is no such chain.
 */
export function chainState(family: NftablesFamily, table: string, chain: string): ChainState | undefined {
  const header = generalHeader(nftablesFamilyNumber(family));
  const subject = `chain ${family} ${table} ${chain}`;
  const place = [attribute(chainAttributes.table, table), attribute(chainAttributes.name, chain)];
  try {
    const type = nftablesTypes.getChain;
    const [found] = socket().transact({ type, flags: 0, body: Buffer.concat([header, ...place]), subject });
    if (found === undefined) return undefined;
    const policy = readAttributes(found.body, generalHeaderBytes).get(chainAttributes.policy)?.readUInt32BE();
    const body = Buffer.concat([
      header,
      attribute(ruleAttributes.table, table),
      attribute(ruleAttributes.chain, chain),
    ]);
    const rules = socket().transact({ type: nftablesTypes.getRule, flags: netlinkFlags.dump, body, subject });
    return {
      dropsByDefault: policy === dropPolicy,
      rules: rules.map((rule) => {
        const attributes = readAttributes(rule.body, generalHeaderBytes);
        const handle = attributes.get(ruleAttributes.handle)?.readBigUInt64BE() ?? 0n;
        return { handle, comment: commentOf(attributes.get(ruleAttributes.userData)) };
      }),
    };
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
