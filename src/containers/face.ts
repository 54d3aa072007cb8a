import type { ContainerInspect, ContainerSummary, Filters, PruneReport } from '#api';
import type { Events } from '#events';
import type { Images } from '#images';
import type { Keeper } from '#keeper';
import type { Networks } from '#networks';
import { fail } from '#std/errors';
import { announce } from './announce.ts';
import { attachContainer } from './attach/attach.ts';
import type { Catalog } from './catalog.ts';
import type { Create } from './create/create.ts';
import { rename } from './create/rename.ts';
import type { Execs } from './exec/run.ts';
import { type ExecStore, inspectExec } from './exec/store.ts';
import { waitFor } from './exit/wait.ts';
import type { ArchiveCalls } from './files/archive.ts';
import { encodeChanges } from './files/changes.ts';
import { commit } from './files/commit.ts';
import { removeLink, shownLinks } from './links/links.ts';
import { containerLog } from './logs/container-log.ts';
import { LogOpenings } from './logs/openings.ts';
import { createConnections } from './networks/connect.ts';
import type { ContainerPaths } from './paths.ts';
import { type ContainerRecord, hasProcess, isRunning } from './record.ts';
import { prune } from './remove/prune.ts';
import type { Remove } from './remove/remove.ts';
import type { RestartByHand } from './restart/by-hand.ts';
import type { Starter } from './start/start.ts';
import { createStats } from './stats/stats.ts';
import { pause, unpause } from './stop/pause.ts';
import type { Terminator } from './stop/terminate.ts';
import { createTop } from './top/top.ts';
import type { Attachment, AttachOptions, Containers, LogOptions } from './types.ts';
import type { Update } from './update/update.ts';
import { inspectRecord } from './view/inspect.ts';
import { createList } from './view/list.ts';

/** The parts that the face hands each call to. */
export interface FaceParts {
  readonly catalog: Catalog;
  readonly events: Events;
  readonly images: Images;
  readonly networks: Networks;
  readonly keeper: Keeper;
  readonly paths: ContainerPaths;
  readonly execs: Execs;
  readonly execStore: ExecStore;
  readonly create: Create;
  readonly archive: ArchiveCalls;
  readonly starter: Starter;
  readonly terminator: Terminator;
  readonly remove: Remove;
  readonly update: Update;
  readonly restartByHand: RestartByHand;
}

/** Streams: attach, logs, terminal sizes. */
function streamCalls(
  parts: FaceParts & { readonly openings: LogOpenings },
): Pick<Containers, 'attach' | 'logs' | 'resize' | 'execResize'> {
  const { catalog, events, keeper, openings, paths } = parts;
  const logsOf = (
    record: ContainerRecord,
    options: LogOptions & { readonly raw?: boolean },
  ): AsyncIterable<Uint8Array> => containerLog({ catalog, openings, paths }, record, options);

  function attach(name: string, options: AttachOptions): Promise<Attachment> {
    const record = catalog.find(name);
    const { phase } = record.life;
    if (phase === 'paused') throw fail('conflict', `container ${name} is paused, unpause the container before attach`);
    if (phase === 'restarting') {
      throw fail('conflict', `container ${name} is restarting, wait until the container is running`);
    }
    const { stdin, stdout, stderr } = options;
    const raw = options.raw === true || record.config.Tty;
    const everything = {
      raw,
      stdout,
      stderr,
      follow: false,
      timestamps: false,
      details: false,
      signal: new AbortController().signal,
    };
    const streams = {
      id: record.id,
      terminal: record.config.Tty,
      raw,
      stdin: stdin && record.config.OpenStdin,
      stdout,
      stderr,
      ...(options.detachKeys && { detachKeys: options.detachKeys }),
      onDetach: () => announce(events, catalog.get(record.id) ?? record, 'detach'),
    };
    const source = { streams, log: () => logsOf(record, everything) };
    announce(events, record, 'attach');
    return attachContainer(keeper, source, options);
  }

  async function resize(name: string, rows: number, columns: number): Promise<void> {
    const record = catalog.find(name);
    if (!hasProcess(record)) throw fail('conflict', `container ${record.id} is not running`);
    if (record.config.Tty) await keeper.resize(record.id, rows, columns);
    announce(events, record, 'resize', { height: String(rows), width: String(columns) });
  }

  return {
    attach: async (name, options) => attach(name, options),
    logs(name, options) {
      const record = catalog.find(name);
      return { terminal: record.config.Tty, output: logsOf(record, options) };
    },
    resize,
    async execResize(id, rows, columns) {
      const exec = parts.execStore.get(id);
      if (exec === undefined) throw fail('not-found', `No such exec instance: ${id}`);
      if (exec.state === 'exited') throw fail('conflict', `Exec ${id} is not running`);
      await keeper.resize(id, rows, columns);
    },
  };
}

/** Reading: lists, inspect, counts. */
function viewCalls(
  parts: FaceParts,
): Pick<Containers, 'list' | 'inspect' | 'counts' | 'prune' | 'stats' | 'followStats' | 'top'> {
  const { catalog, images, networks, paths, execStore } = parts;
  const list = createList(catalog, images, networks);
  const stats = createStats(catalog, paths);

  async function inspect(name: string, options: { size: boolean }): Promise<ContainerInspect> {
    const record = catalog.find(name);
    const execIds = (): string[] => (hasProcess(record) ? execStore.open(record.id) : []);
    const links = (of: ContainerRecord): string[] | null => shownLinks(catalog, of);
    const sources = { rootfs: images.rootfs, networks, paths, execIds, links };
    const inspected = inspectRecord(record, sources);
    if (!options.size) return inspected;
    return { ...inspected, ...(await list.sizes(record)) };
  }

  return {
    inspect,
    stats: (name, options) => stats.once(name, options),
    followStats: (name, signal) => stats.stream(name, signal),
    top: createTop(catalog, parts.events, paths),
    list: (options): Promise<ContainerSummary[]> => list.list(options),
    prune: (filters: Filters): Promise<PruneReport> => prune({ ...parts, rootfs: images.rootfs }, filters),
    counts() {
      let running = 0;
      let paused = 0;
      let total = 0;
      for (const record of catalog.all()) {
        total += 1;
        if (record.life.phase === 'paused') paused += 1;
        else if (isRunning(record)) running += 1;
      }
      return { total, running, paused, stopped: total - running - paused };
    },
  };
}

/** Puts the face together. */
export function createFace(parts: FaceParts): Containers {
  const { catalog, events, paths, execs, execStore, starter, terminator } = parts;
  const openings = new LogOpenings();
  return {
    ...streamCalls({ ...parts, openings }),
    ...viewCalls(parts),
    ...parts.archive,
    ...createConnections(parts),
    changes: async (name) => encodeChanges(await parts.images.rootfs.changes(catalog.find(name).id)),
    commit: (name, options) => commit(parts, name, options),
    create: parts.create,
    start: (name) => starter.start(name),
    stop: (name, options) => terminator.stop(name, options),
    restart: (name, options) => parts.restartByHand(name, options),
    kill: (name, signal) => terminator.kill(name, signal),
    pause: (name) => pause(catalog, events, paths, name),
    unpause: (name) => unpause(catalog, events, paths, name),
    rename: (name, newName) => rename(parts, name, newName),
    update: parts.update,
    async remove(name, options) {
      if (options.link) removeLink(catalog, name);
      else await parts.remove(name, options);
    },
    wait: (name, condition, signal) => waitFor({ catalog, openings }, name, condition, signal),
    execCreate: (name, request) => execs.create(name, request),
    execInspect(id) {
      const exec = execStore.get(id);
      if (exec === undefined) throw fail('not-found', `No such exec instance: ${id}`);
      return inspectExec(exec);
    },
    execStartDetached: (id) => execs.startDetached(id),
    execStart: (id, options) => execs.startAttached(id, options.consoleSize),
  };
}
