import type { Builder } from '#builder';
import type { Events } from '#events';
import type { Images } from '#images';
import type { Networks } from '#networks';
import { fail } from '#std/errors';
import type { Volumes } from '#volumes';
import type { Features } from '../routes.ts';
import { memoryBuildDoors } from './build-doors.ts';
import { MemoryContainers } from './containers.ts';
import { memoryImageCare } from './image-care.ts';
import { memoryRegistries } from './image-registries.ts';
import { system } from './system.ts';

/** Events that a test pushes. */
export class MemoryEvents implements Events {
  readonly #listeners = new Set<(text: string) => void>();
  /** Streams that are open now. */
  open = 0;

  publish(draft: Parameters<Events['publish']>[0]): ReturnType<Events['publish']> {
    for (const listener of this.#listeners) listener(draft.action);
    return {
      Type: draft.type,
      Action: draft.action,
      Actor: { ID: draft.id, Attributes: { ...draft.attributes } },
      scope: 'local',
      time: 0,
      timeNano: 0,
    };
  }

  async *stream({ untilNs, signal }: Parameters<Events['stream']>[0]): ReturnType<Events['stream']> {
    const queue: string[] = [];
    let wake = (): void => undefined;
    const listener = (action: string) => {
      queue.push(action);
      wake();
    };
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => wake());
    this.open += 1;
    try {
      while (!signal.aborted && untilNs === undefined) {
        const action = queue.shift();
        if (action === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        yield {
          Type: 'container',
          Action: action,
          Actor: { ID: 'x', Attributes: {} },
          scope: 'local',
          time: 1,
          timeNano: 1,
        };
      }
    } finally {
      this.open -= 1;
      this.#listeners.delete(listener);
    }
  }
}

function missing(reference: string): Error {
  return fail('not-found', `No such image: ${reference}:latest`);
}

/** Builds nothing, and has nothing in its cache. */
const memoryBuilder = {
  usage: () => [],
  prune: async () => [],
  classic: () => Promise.reject(fail('invalid-argument', 'nothing is built here')),
} as unknown as Builder;

/** One image, `busybox`; import and load count the bytes they are sent. */
export function memoryImages(): Images & { receivedBytes: number; cancelled: number } {
  const summary = {
    Id: 'sha256:aa',
    ParentId: '',
    RepoTags: ['busybox:latest'],
    RepoDigests: [],
    Created: 1,
    Size: 7,
    SharedSize: -1,
    Labels: null,
    Containers: 0,
  };
  const known = (reference: string) => {
    if (reference !== 'busybox' && reference !== 'busybox:latest') throw missing(reference);
  };
  const images: Images & { receivedBytes: number; cancelled: number } = {
    receivedBytes: 0,
    cancelled: 0,
    // Not of the http face.
    rootfs: undefined as never,
    builds: undefined as never,
    bases: undefined as never,
    resolve: (reference) => {
      throw missing(reference);
    },
    list: () => [summary],
    layersBytes: () => 7,
    inspect: (reference) => {
      known(reference);
      return {
        Id: 'sha256:aa',
        RepoTags: ['busybox:latest'],
        RepoDigests: [],
        Parent: '',
        Comment: '',
        DockerVersion: '',
        Author: '',
        Config: { Cmd: ['sh'] },
        Architecture: 'amd64',
        Os: 'linux',
        Size: 7,
        GraphDriver: { Name: 'overlay2', Data: null },
        RootFS: { Type: 'layers', Layers: [] },
        Metadata: { LastTagTime: '' },
      };
    },
    history: (reference) => {
      known(reference);
      return [];
    },
    tag: (source) => known(source),
    remove: async (reference) => {
      known(reference);
      return [{ Untagged: 'busybox:latest' }];
    },
    prune: async () => ({ ImagesDeleted: null, SpaceReclaimed: 0 }),
    change: (_changes, config) => config,
    checkName: () => undefined,
    commit: async () => ({ id: 'sha256:cc', name: '' }),
    import: async ({ body }) => {
      for await (const chunk of body) images.receivedBytes += chunk.byteLength;
      return 'sha256:bb';
    },
    importRemote: async ({ source }) => {
      throw fail('not-found', `failed to GET http://${source} with status 404 Not Found: `);
    },
    pull: async ({ reference }) => {
      async function* progress() {
        yield { status: `Pulling from ${reference}`, id: 'latest' };
      }
      return progress();
    },
    async *load(body) {
      for await (const chunk of body) images.receivedBytes += chunk.byteLength;
      if (images.receivedBytes === 7) throw fail('invalid-argument', 'unexpected end of archive');
      yield { stream: 'Loaded image: busybox:latest\n' };
    },
    save: async (references) => {
      for (const reference of references) known(reference);
      let left = 64;
      return new ReadableStream<Uint8Array>({
        pull: (controller) => {
          left -= 1;
          if (left < 0) controller.close();
          else controller.enqueue(new Uint8Array(65536).fill(left));
        },
        cancel: () => {
          images.cancelled += 1;
        },
      });
    },
    ...memoryImageCare(known),
    ...memoryRegistries(known),
    reconcile: async () => undefined,
    settled: async () => undefined,
    close: () => undefined,
  };
  return images;
}

function memoryVolumes(): Volumes {
  const volume = {
    Name: 'v',
    Driver: 'local',
    Mountpoint: '/v',
    CreatedAt: '',
    Labels: null,
    Scope: 'local',
    Options: null,
  };
  const known = (name: string) => {
    if (name !== 'v') throw fail('not-found', `get ${name}: no such volume`);
    return volume;
  };
  return {
    create: async (request) => ({ ...volume, Name: request.Name ?? 'anonymous' }),
    inspect: async (name) => known(name),
    letGo: () => undefined,
    driverNames: () => ['local'],
    settled: async () => undefined,
    list: async () => ({ Volumes: [volume], Warnings: null }),
    usage: async () => [{ ...volume, UsageData: { RefCount: 0, Size: 0 } }],
    remove: async (name) => {
      known(name);
    },
    prune: async (filters) => ({ VolumesDeleted: [...(filters.get('all') ?? [])], SpaceReclaimed: 0 }),
    mount: async () => '/v',
    unmount: async () => undefined,
    reconcile: async () => undefined,
  };
}

function memoryNetworks(): Networks {
  const network = {
    Name: 'bridge',
    Id: 'n1',
    Created: '',
    Scope: 'local',
    Driver: 'bridge',
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: [] },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {},
    Options: {},
    Labels: {},
  };
  return {
    setUp: async () => {
      throw new Error('not of the http face');
    },
    tearDown: async () => undefined,
    sandbox: () => undefined,
    connect: async () => {
      throw new Error('not of the http face');
    },
    disconnect: async () => {
      throw new Error('not of the http face');
    },
    rename: async () => undefined,
    find: () => undefined,
    endpointFaults: () => [],
    create: async ({ Name }) => ({ Id: `id of ${Name}`, Warning: '' }),
    remove: async (name) => {
      if (name !== 'bridge') throw fail('not-found', `network ${name} not found`);
    },
    prune: async (filters) => [...(filters.get('label') ?? [])],
    reconcile: async () => undefined,
    list: () => [network],
    inspect: (name) => {
      if (name !== 'bridge') throw fail('not-found', `network ${name} not found`);
      return network;
    },
    trace: ({ port, protocol }) => ({
      ...{ Address: '', Port: port, Protocol: protocol, Passes: true, ArrivesAt: '', Steps: [] },
    }),
    close: async () => undefined,
  };
}

/** Features that hold their state in memory: what is tested is the face before them. */
export function memoryFeatures(): Features & {
  containers: MemoryContainers;
  events: MemoryEvents;
  images: ReturnType<typeof memoryImages>;
} {
  return {
    containers: new MemoryContainers(),
    images: memoryImages(),
    networks: memoryNetworks(),
    volumes: memoryVolumes(),
    events: new MemoryEvents(),
    system,
    builds: memoryBuildDoors(),
    builder: async () => memoryBuilder,
    login: async ({ username }) => {
      if (username === undefined) throw fail('unauthorized', 'incorrect username or password');
      return `token of ${username}`;
    },
  };
}
