import type { OpenedBuilder } from '#builder';
import type { BuildGcPolicy } from '#builder/cache';
import type { BuildDoors } from '#http';
import type { Networks } from '#networks';
import type { Records } from '#store';
import { programVersion } from '../version.ts';

export interface BuildsParts {
  readonly records: Records;
  readonly networks: Pick<Networks, 'inspect'>;
  /** Names this engine. */
  readonly id: string;
  /** The address that `host-gateway` stands for, when the settings say one. */
  readonly hostGateway: () => string | undefined;
  /** Loads the builder the first time. */
  readonly builder: () => Promise<OpenedBuilder>;
  /** How the build cache is kept small. */
  readonly gcPolicy: () => BuildGcPolicy;
}

export interface OpenedBuilds {
  readonly doors: BuildDoors;
  /** Ends all builds and sessions. */
  close(): Promise<void>;
}

const nsPerMs = 1e6;

/** A rule as BuildKit's clients are told it. */
function shownRule({ all, filters, keepDurationMs = 0, ...limits }: BuildGcPolicy[number]) {
  const conditions = [...filters].flatMap(([name, values]) => values.map((value) => `${name}==${value}`));
  return {
    all,
    keepDuration: keepDurationMs * nsPerMs,
    filters: conditions.length === 0 ? [] : [conditions.join(',')],
    reservedSpace: limits.reservedSpaceBytes ?? 0,
    maxUsedSpace: limits.maxUsedSpaceBytes ?? 0,
    minFreeSpace: limits.minFreeSpaceBytes ?? 0,
  };
}

async function load({ records, networks, id, hostGateway, builder, gcPolicy }: BuildsParts) {
  const [buildkit, { serveGrpc }, { health }] = await Promise.all([
    import('#buildkit'),
    import('#grpc'),
    import('#build-api'),
  ]);
  const sessions = new buildkit.Sessions(async () => (await builder()).locals);
  const bridgeGateway = () => networks.inspect('bridge').IPAM.Config?.[0]?.Gateway;
  const face = buildkit.openBuildkit({
    records,
    builder: async () => (await builder()).builder,
    sessions: (session, signal) => sessions.find(session, signal),
    worker: {
      id,
      version: programVersion,
      hostGateway: () => hostGateway() ?? bridgeGateway() ?? '',
      gcPolicies: () => gcPolicy().map(shownRule),
    },
  });
  const services = [...face.services, sessions.service, health.healthy];
  return {
    face,
    sessions,
    serve: (connection: Parameters<typeof serveGrpc>[0]) => serveGrpc(connection, services).closed,
    async close(): Promise<void> {
      await face.close();
      sessions.close();
    },
  };
}

/** The doors of BuildKit's clients. Nothing of the builder is loaded before somebody first comes through one of them. */
export function openBuilds(parts: BuildsParts): OpenedBuilds {
  let loading: ReturnType<typeof load> | undefined;
  const loaded = () => {
    loading ??= load(parts).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  return {
    doors: {
      openSession: async (offer) => (await loaded()).sessions.offer(offer),
      buildOfSession: async (query, signal, sent) => (await loaded()).face.classicBuild(query, signal, sent),
      cancelBuild: async (id) => (await loaded()).face.cancel(id),
      serveGrpc: async (connection) => await (await loaded()).serve(connection),
    },
    close: async () => await (await loading)?.close(),
  };
}
