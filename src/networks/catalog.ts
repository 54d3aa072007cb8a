import { randomBytes } from 'node:crypto';
import { fail } from '#std/errors';
import { newId } from '#std/identifiers';
import { formatTime, nowNs } from '#std/time';
import type { Collection, Records } from '#store';
import type { BridgeRecord, NetworkRecord, OwnerRecord, SandboxRecord } from './record.ts';

/** The networks and sandboxes of the records. */
export interface NetworkCatalog {
  readonly networks: Collection<NetworkRecord>;
  readonly sandboxes: Collection<SandboxRecord>;
  /** Tells this engine's kernel objects from those of others. */
  readonly tag: string;
  /** By its exact name; the three that come with the engine are always there. */
  byName(name: string): NetworkRecord;
  /** By name, id or unique id prefix; throws `not-found`, or `invalid-argument` when a prefix fits several. */
  resolve(name: string): NetworkRecord;
  /** Writes down which bridge a network has, or that it has none any more. */
  setBridge(network: NetworkRecord, bridge: BridgeRecord | undefined): void;
}

const builtin = [
  ['bridge', 'bridge'],
  ['host', 'host'],
  ['none', 'null'],
] as const;

/** Reads the records, and makes the networks that every engine has when they are not there. */
export function openCatalog(records: Records): NetworkCatalog {
  const networks = records.collection<NetworkRecord>('networks');
  const sandboxes = records.collection<SandboxRecord>('sandboxes');
  const owners = records.collection<OwnerRecord>('networks-owner');
  const owner = owners.get('owner') ?? { id: 'owner', tag: randomBytes(2).toString('hex') };
  records.transaction(() => {
    owners.put(owner);
    for (const [name, driver] of builtin) {
      if ([...networks.all()].some((network) => network.name === name)) continue;
      networks.put({ id: newId(), name, driver, created: formatTime(nowNs()) });
    }
  });

  function find(test: (network: NetworkRecord) => boolean): NetworkRecord[] {
    return [...networks.all()].filter(test);
  }

  function byName(name: string): NetworkRecord {
    const [found] = find((network) => network.name === name);
    if (found === undefined) throw fail('not-found', `network ${name} not found`);
    return found;
  }

  return {
    networks,
    sandboxes,
    tag: owner.tag,
    byName,
    resolve(name) {
      const exact = networks.get(name) ?? find((network) => network.name === name)[0];
      if (exact !== undefined) return exact;
      const [found, second] = name === '' ? [] : find(({ id }) => id.startsWith(name));
      if (found === undefined) throw fail('not-found', `network ${name} not found`);
      if (second !== undefined) {
        throw fail('invalid-argument', `network ${name} is ambiguous (2 matches found based on ID prefix)`);
      }
      return found;
    },
    setBridge(network, bridge) {
      const { bridge: _, ...rest } = network;
      networks.put(bridge === undefined ? rest : { ...rest, bridge });
    },
  };
}
