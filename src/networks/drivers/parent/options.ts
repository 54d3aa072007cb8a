import type { IpvlanFlag, IpvlanMode, MacvlanMode } from '#linux/rtnetlink-derived';
import { fail } from '#std/errors';
import type { NetworkRecord } from '../../record.ts';

/** What the options of a macvlan or ipvlan network say. */
export interface ParentOptions {
  /** The interface of the host that the network hangs on; empty for one of its own, without a way out. */
  readonly parent: string;
  readonly macvlan: MacvlanMode;
  readonly ipvlan: IpvlanMode;
  readonly flag: IpvlanFlag;
}

const macvlanModes: readonly MacvlanMode[] = ['bridge', 'private', 'vepa', 'passthru'];
const ipvlanModes: readonly IpvlanMode[] = ['l2', 'l3', 'l3s'];
const ipvlanFlags: readonly IpvlanFlag[] = ['bridge', 'private', 'vepa'];

function choose<T extends string>(
  value: string | undefined,
  choices: readonly [T, ...T[]] | readonly T[],
  what: string,
  byDefault: string,
): T {
  const [first] = choices;
  const found = value === undefined || value === '' ? first : choices.find((choice) => choice === value);
  if (found === undefined) {
    throw fail('invalid-argument', `requested ${what} '${value}' is not valid, ${byDefault}`);
  }
  return found;
}

/** Reads a network's options; throws in Docker's words. Those of other names are kept, and mean nothing. */
export function readParentOptions({ options }: Pick<NetworkRecord, 'options'>): ParentOptions {
  return {
    parent: options.parent ?? '',
    macvlan: choose(options.macvlan_mode, macvlanModes, 'macvlan mode', "'bridge' mode is the macvlan driver default"),
    ipvlan: choose(options.ipvlan_mode, ipvlanModes, 'ipvlan mode', "'l2' mode is the ipvlan driver default"),
    flag: choose(options.ipvlan_flag, ipvlanFlags, 'ipvlan flag', "'bridge' is the ipvlan driver default"),
  };
}

/** A VLAN of an interface, as its name tells: `eth0.50`. Throws in Docker's words for what is none. */
export function readSubInterface(name: string): { readonly parent: string; readonly vlan: number } {
  const [, parent, id] = /^(.+)\.(\d+)$/.exec(name) ?? [];
  if (parent === undefined) {
    throw fail('internal', `invalid subinterface vlan name ${name}, example formatting is eth0.10`);
  }
  const vlan = Number(id);
  if (vlan < 1 || vlan > 4094) throw fail('internal', `vlan id must be between 1-4094, received: ${vlan}`);
  return { parent, vlan };
}
