import { existsSync } from 'node:fs';
import type { MountPoint } from '#api';
import type { Rootfs } from '#images';
import type { ViewMount, ViewRequest } from '#porter';
import { runAll } from '#std/errors';
import { newId } from '#std/identifiers';
import type { Volumes } from '#volumes';
import type { Catalog } from '../catalog.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, hasProcess } from '../record.ts';
import { tmpfsDestination } from '../spec/index.ts';

/** What it takes to see a container's files. */
export interface ViewParts {
  readonly catalog: Pick<Catalog, 'find'>;
  readonly rootfs: Rootfs;
  readonly volumes: Volumes;
  readonly paths: ContainerPaths;
}

/** A container's files with all that is mounted in them. */
export interface OpenedView {
  readonly request: ViewRequest;
  /** Gives back what was mounted for it. */
  release(): Promise<void>;
}

/** Text as the bytes of its name, one character each. */
export function byteString(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** The generated files that a container has mounted, in the engine's own directories. */
function generatedFiles({ catalog, paths }: ViewParts, record: ContainerRecord): ViewMount[] {
  const { NetworkMode } = record.hostConfig;
  let owner = record.id;
  try {
    if (NetworkMode.startsWith('container:')) owner = catalog.find(NetworkMode.slice('container:'.length)).id;
  } catch {
    // It is gone, and its files with it.
  }
  const files = { '/etc/hosts': paths.hosts(owner), '/etc/resolv.conf': paths.resolvConf(owner) };
  return Object.entries({ ...files, '/etc/hostname': paths.hostname(owner) })
    .filter(([, source]) => existsSync(source))
    .map(([destination, source]) => ({
      destination,
      source: byteString(source),
      readOnly: record.hostConfig.ReadonlyRootfs,
      isLocal: true,
    }));
}

function isOwnMount(point: MountPoint, record: ContainerRecord): boolean {
  return point.Type !== 'tmpfs' || hasProcess(record);
}

/** Where something is mounted that only a running container has. */
function temporaryPlaces(record: ContainerRecord): string[] {
  if (!hasProcess(record)) return [];
  const places = Object.keys(record.hostConfig.Tmpfs ?? {}).map(tmpfsDestination);
  return [...places, ...record.mounts.filter(({ Type }) => Type === 'tmpfs').map(({ Destination }) => Destination)];
}

function assemble(record: ContainerRecord, root: string, mounts: readonly ViewMount[]): ViewRequest {
  // Later ones take the place of earlier ones.
  const byPlace = new Map(mounts.map((mount) => [mount.destination, mount]));
  return {
    root,
    mounts: [...byPlace.values()],
    readOnlyRoot: record.hostConfig.ReadonlyRootfs,
    makesPlaces: !hasProcess(record),
  };
}

/** The view of the engine itself: it knows where mounts are, but enters none that could hang. */
export function briefView(parts: ViewParts, record: ContainerRecord, root: string): ViewRequest {
  const points = record.mounts.filter((point) => isOwnMount(point, record)).map(({ Destination }) => Destination);
  const barred = [...points, ...temporaryPlaces(record)].map((place) => ({
    destination: byteString(place),
    source: '',
    readOnly: false,
  }));
  return assemble(record, root, [...generatedFiles(parts, record), ...barred]);
}

/** The view of a porter. Volumes and images are mounted for it as for a container. */
export async function openView(parts: ViewParts, record: ContainerRecord, root: string): Promise<OpenedView> {
  const { rootfs, volumes } = parts;
  const user = `${record.id}-files-${newId().slice(0, 12)}`;
  const steps: (() => void | Promise<void>)[] = [];
  const release = (): Promise<void> => runAll(steps.splice(0).reverse());

  async function sourceOf({ Type, Name, Source, Destination }: MountPoint): Promise<string | undefined> {
    if (Type === 'bind') return Source;
    if (Type === 'volume' && Name !== undefined) {
      const directory = await volumes.mount(Name, user, { quiet: true });
      steps.push(() => volumes.unmount(Name, user, { quiet: true }));
      return directory;
    }
    const snapshot = Type === 'image' ? record.mountOptions?.[Destination]?.snapshot : undefined;
    if (snapshot === undefined) return undefined;
    const hold = rootfs.hold(snapshot);
    steps.push(() => hold.release());
    return hold.directory;
  }

  const mounts = generatedFiles(parts, record);
  try {
    for (const point of record.mounts) {
      const source = await sourceOf(point);
      if (source === undefined) continue;
      const subpath = point.Type === 'bind' ? undefined : record.mountOptions?.[point.Destination]?.subpath;
      mounts.push({
        destination: byteString(point.Destination),
        readOnly: !point.RW,
        ...(subpath === undefined
          ? { source: byteString(source) }
          : { source: byteString(subpath), sourceRoot: source }),
      });
    }
  } catch (error) {
    await release();
    throw error;
  }
  for (const place of temporaryPlaces(record)) {
    const destination = byteString(place);
    const sourceRoot = `/proc/${record.life.pid}/root`;
    mounts.push({ destination, source: destination, sourceRoot, sourceOwner: record.id, readOnly: false });
  }
  return { request: assemble(record, root, mounts), release };
}
