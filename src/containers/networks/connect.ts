import type { EndpointSettings } from '#api';
import type { Networks, Sandbox } from '#networks';
import { fail } from '#std/errors';
import type { Catalog } from '../catalog.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, hasProcess } from '../record.ts';
import { checkEndpoint } from './endpoint.ts';
import { writeResolvConf } from './files.ts';
import { addHosts, removeHosts } from './hosts.ts';
import { endpointRequest } from './set-up.ts';

/** What connecting touches. */
export interface ConnectParts {
  readonly catalog: Catalog;
  readonly networks: Networks;
  readonly paths: ContainerPaths;
}

/** Puts containers into networks and takes them out, whether they run or not. Every name may be an id or a prefix. */
export interface Connections {
  /** Throws in Docker's words: `not-found`, `invalid-argument` for what does not go together, `forbidden` for a second time. */
  connect(container: string, network: string, settings: Partial<EndpointSettings>): Promise<void>;
  /** `force` makes do without the network. */
  disconnect(container: string, network: string, options: { force: boolean }): Promise<void>;
}

const sharing =
  'container sharing network namespace with another container or host cannot be connected to any other network';
const alone = 'container cannot be connected to multiple networks with one of the networks in private (none) mode';

/** Refuses networks that do not go together; `present` are the names of those that the container is in. */
function checkCompany({ hostConfig }: ContainerRecord, present: readonly string[], network: string): void {
  const { NetworkMode } = hostConfig;
  if (NetworkMode !== 'host' && network === 'host') {
    throw fail(
      'invalid-argument',
      'cannot connect container to host network - container must be created in host network mode',
    );
  }
  if (present.includes(network)) return;
  if (NetworkMode === 'host') throw fail('invalid-argument', sharing);
  if (present.includes('none') || (network === 'none' && present.length > 0)) throw fail('invalid-argument', alone);
}

function without<T>(table: Readonly<Record<string, T>>, ...keys: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(table).filter(([key]) => !keys.includes(key)));
}

/** Makes the connections. */
export function createConnections({ catalog, networks, paths }: ConnectParts): Connections {
  function checkLives({ id, life }: ContainerRecord): void {
    if (life.phase !== 'removing') return;
    throw fail(
      'internal',
      `container ${id} is marked for removal and cannot be connected or disconnected to the network`,
    );
  }

  function keep(
    id: string,
    change: (endpoints: ContainerRecord['endpoints']) => ContainerRecord['endpoints'],
  ): ContainerRecord {
    const record = catalog.find(id);
    const next = { ...record, endpoints: change(record.endpoints) };
    catalog.put(next);
    return next;
  }

  /** One that does not run only learns where it is to be; a network that is not there may come until it starts. */
  function connectResting(record: ContainerRecord, network: string, settings: Partial<EndpointSettings>): void {
    const found = networks.find(network);
    const present = Object.keys(record.endpoints).map((name) => networks.find(name)?.name ?? name);
    const name = found?.name ?? network;
    if (found !== undefined) checkCompany(record, present, name);
    if (present.includes(name)) return;
    keep(record.id, (endpoints) => ({ ...endpoints, [name]: settings }));
  }

  async function connectRunning(
    record: ContainerRecord,
    network: string,
    settings: Partial<EndpointSettings>,
  ): Promise<void> {
    if (record.hostConfig.NetworkMode.startsWith('container:')) throw fail('invalid-argument', sharing);
    const { name } = networks.find(network) ?? missing(network);
    checkCompany(record, Object.keys(networks.sandbox(record.id)?.endpoints ?? {}), name);
    const sandbox = await networks.connect(record.id, endpointRequest(name, settings));
    const next = keep(record.id, (endpoints) => ({ ...endpoints, [name]: settings }));
    const endpoint = sandbox.endpoints[name];
    if (endpoint !== undefined) addHosts(paths.hosts(record.id), next, endpoint);
    writeResolvConf(next, sandbox, paths);
  }

  async function disconnectRunning(record: ContainerRecord, network: string): Promise<void> {
    const { name } = networks.find(network) ?? missing(network);
    if (record.hostConfig.NetworkMode === 'host' && name === 'host') {
      throw fail(
        'invalid-argument',
        'cannot disconnect container from host network - container was created in host network mode',
      );
    }
    const before: Sandbox | undefined = networks.sandbox(record.id);
    const endpoint = before?.endpoints[name];
    if (endpoint === undefined) throw fail('internal', `container ${record.id} is not connected to network ${name}`);
    const sandbox = await networks.disconnect(record.id, name);
    const next = keep(record.id, (endpoints) => without(endpoints, name));
    removeHosts(paths.hosts(record.id), endpoint);
    writeResolvConf(next, sandbox, paths);
  }

  function disconnectResting(record: ContainerRecord, network: string): void {
    const found = networks.find(network);
    const keys = Object.keys(record.endpoints).filter(
      (key) => key === network || (found !== undefined && networks.find(key)?.id === found.id),
    );
    if (keys.length === 0) {
      throw fail('internal', `container ${record.id} is not connected to the network ${found?.name ?? network}`);
    }
    keep(record.id, (endpoints) => without(endpoints, ...keys));
  }

  return {
    async connect(container, network, settings) {
      const { id } = catalog.find(container);
      await catalog.lock(id).run(async () => {
        const record = catalog.find(id);
        checkLives(record);
        checkEndpoint(networks, network, settings);
        if (hasProcess(record)) await connectRunning(record, network, settings);
        else connectResting(record, network, settings);
      });
    },
    async disconnect(container, network, { force }) {
      const { id } = findOrForget(catalog, container, force);
      await catalog.lock(id).run(async () => {
        const record = catalog.find(id);
        checkLives(record);
        const isMissing = networks.find(network) === undefined;
        if (hasProcess(record) && !(isMissing && force)) await disconnectRunning(record, network);
        else disconnectResting(record, network);
      });
    },
  };
}

function missing(network: string): never {
  throw fail('not-found', `network ${network} not found`);
}

/** A container that is gone has no endpoint left that force could remove. */
function findOrForget(catalog: Catalog, container: string, force: boolean): ContainerRecord {
  try {
    return catalog.find(container);
  } catch (error) {
    throw force ? fail('not-found', `endpoint ${container} not found`, error) : error;
  }
}
