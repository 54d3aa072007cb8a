import type { Builder, LocalDirectories } from '#builder';
import type { BuildDoors } from '#http';
import type { Networks } from '#networks';
import type { Records } from '#store';
import { selfCommand } from '../self.ts';
import { programVersion } from '../version.ts';

export interface BuildsParts {
  readonly records: Records;
  readonly networks: Pick<Networks, 'inspect'>;
  readonly dataRoot: string;
  /** Names this engine. */
  readonly id: string;
  /** The address that `host-gateway` stands for, when the settings say one. */
  readonly hostGateway: () => string | undefined;
  /** The builder over those directories of clients. */
  readonly builder: (locals: LocalDirectories) => Promise<Builder>;
}

export interface OpenedBuilds {
  readonly doors: BuildDoors;
  /** Ends all builds and sessions. */
  close(): Promise<void>;
}

async function load({ records, networks, dataRoot, id, hostGateway, builder }: BuildsParts) {
  const [buildkit, { openLocalDirectories }, { openFileReceivers }, { serveGrpc }, { health }] = await Promise.all([
    import('#buildkit'),
    import('#builder'),
    import('#filesync'),
    import('#grpc'),
    import('#build-api'),
  ]);
  const receivers = openFileReceivers([...selfCommand(), 'file-receiver']);
  const locals = openLocalDirectories({ records, dataRoot, receivers });
  await locals.reconcile();
  let opened: Promise<Builder> | undefined;
  const openBuilder = (): Promise<Builder> => {
    opened ??= builder(locals);
    return opened;
  };
  const sessions = new buildkit.Sessions(async () => locals);
  const bridgeGateway = () => networks.inspect('bridge').IPAM.Config?.[0]?.Gateway;
  const face = buildkit.openBuildkit({
    records,
    builder: openBuilder,
    sessions: (session, signal) => sessions.find(session, signal),
    worker: {
      id,
      version: programVersion,
      hostGateway: () => hostGateway() ?? bridgeGateway() ?? '',
      gcPolicies: () => [],
    },
  });
  const services = [...face.services, sessions.service, health.healthy];
  return {
    sessions,
    serve: (connection: Parameters<typeof serveGrpc>[0]) => serveGrpc(connection, services).closed,
    async close(): Promise<void> {
      face.close();
      sessions.close();
      await (await opened?.catch(() => undefined))?.close();
      locals.close();
    },
  };
}

/** The doors of BuildKit's clients. Nothing of the builder is loaded before somebody first comes through one of them. */
export function openBuilds(parts: BuildsParts): OpenedBuilds {
  let loading: ReturnType<typeof load> | undefined;
  const loaded = () => {
    loading ??= load(parts);
    return loading;
  };
  return {
    doors: {
      openSession: async (offer) => (await loaded()).sessions.offer(offer),
      serveGrpc: async (connection) => await (await loaded()).serve(connection),
    },
    close: async () => await (await loading)?.close(),
  };
}
