import { randomBytes } from 'node:crypto';
import { fail } from '#std/errors';
import { newId } from '#std/identifiers';
import { formatTime, nowNs } from '#std/time';
import type { Collection, Records } from '#store';
import { builtinNetwork, networkUpToDate, sandboxUpToDate } from './older-records.ts';
import type { EndpointRecord, NetworkRecord, OwnerRecord, SandboxRecord } from './record.ts';

/** An endpoint in a network, and whose it is. */
export interface NetworkMember {
  readonly sandbox: SandboxRecord;
  readonly endpoint: EndpointRecord;
}

/** The networks and sandboxes of the records. */
export interface NetworkCatalog {
  readonly networks: Collection<NetworkRecord>;
  readonly sandboxes: Collection<SandboxRecord>;
  /** Tells this engine's kernel objects from those of others. */
  readonly tag: string;
  /** Names of veth devices of this engine start so. */
  readonly devicePrefix: string;
  /** What the engine's own range of IPv6 addresses follows from. */
  readonly identity: string;
  /** By its exact name; the three that come with the engine are always there. */
  byName(name: string): NetworkRecord;
  /** By name, id or unique id prefix; throws `not-found`, or `invalid-argument` when a prefix fits several. */
  resolve(name: string): NetworkRecord;
  /** The same, but undefined when there is none. */
  find(name: string): NetworkRecord | undefined;
  /** The endpoints in a network, each with its container. */
  endpointsIn(networkId: string): NetworkMember[];
  /** The same of all networks at once; absent where nobody is. */
  members(): ReadonlyMap<string, readonly NetworkMember[]>;
}

const builtin = [
  ['bridge', 'bridge'],
  ['host', 'host'],
  ['none', 'null'],
] as const;

/** Networks that every engine has, by their names. */
export const builtinNames: readonly string[] = builtin.map(([name]) => name);

/** Reads the records, and makes the networks that every engine has when they are not there. */
export function openCatalog(records: Records): NetworkCatalog {
  const networks = records.collection<NetworkRecord>('networks');
  const sandboxes = records.collection<SandboxRecord>('sandboxes');
  const owners = records.collection<OwnerRecord>('networks-owner');
  const { tag, identity = randomBytes(8).toString('hex') } = owners.get('owner') ?? {
    tag: randomBytes(2).toString('hex'),
  };
  records.transaction(() => {
    owners.put({ id: 'owner', tag, identity });
    for (const record of [...networks.all()]) {
      if (networkUpToDate(record) !== record) networks.put(networkUpToDate(record));
    }
    for (const record of [...sandboxes.all()]) {
      if (sandboxUpToDate(record) !== record) sandboxes.put(sandboxUpToDate(record));
    }
    for (const [name, driver] of builtin) {
      if ([...networks.all()].some((network) => network.name === name)) continue;
      networks.put(builtinNetwork({ id: newId(), name, driver, created: formatTime(nowNs()) }));
    }
  });

  function matching(test: (network: NetworkRecord) => boolean): NetworkRecord[] {
    return [...networks.all()].filter(test);
  }

  function byName(name: string): NetworkRecord {
    const [found] = matching((network) => network.name === name);
    if (found === undefined) throw fail('not-found', `network ${name} not found`);
    return found;
  }

  function lookUp(name: string): NetworkRecord | undefined {
    const exact = networks.get(name) ?? matching((network) => network.name === name)[0];
    if (exact !== undefined || name === '') return exact;
    const [found, second] = matching(({ id }) => id.startsWith(name));
    if (second === undefined) return found;
    throw fail('invalid-argument', `network ${name} is ambiguous (2 matches found based on ID prefix)`);
  }

  return {
    networks,
    sandboxes,
    tag,
    devicePrefix: `est${tag}`,
    identity,
    byName,
    find: lookUp,
    resolve(name) {
      const found = lookUp(name);
      if (found === undefined) throw fail('not-found', `network ${name} not found`);
      return found;
    },
    members() {
      const found = new Map<string, NetworkMember[]>();
      for (const sandbox of sandboxes.all()) {
        for (const endpoint of sandbox.endpoints) {
          const list = found.get(endpoint.networkId);
          if (list === undefined) found.set(endpoint.networkId, [{ sandbox, endpoint }]);
          else list.push({ sandbox, endpoint });
        }
      }
      return found;
    },
    endpointsIn: (networkId) =>
      [...sandboxes.all()].flatMap((sandbox) => {
        const endpoint = sandbox.endpoints.find((one) => one.networkId === networkId);
        return endpoint === undefined ? [] : [{ sandbox, endpoint }];
      }),
  };
}
