import type { ContainerCreateRequest, ContainerCreateResponse, HostConfig } from '#api';
import type { Events } from '#events';
import type { ImageRecord, Images } from '#images';
import { checkAnswers } from '#linux/remote-files';
import type { Networks } from '#networks';
import { parsePlatform } from '#oci';
import { fail } from '#std/errors';
import { newId, shortId } from '#std/identifiers';
import { nowNs } from '#std/time';
import { announce } from '../announce.ts';
import type { Catalog } from '../catalog.ts';
import { resolveLinks } from '../links/links.ts';
import { checkLogConfig } from '../logs/drivers.ts';
import { type ContainerRecord, neverStarted } from '../record.ts';
import type { PreparedMounts } from '../spec/index.ts';
import { snapshotsOf } from '../start/mount-sources.ts';
import type { CreateOptions } from '../types.ts';
import { mergeConfig } from './merge.ts';
import { checkedName, randomName } from './names.ts';

/** What creation touches. */
export interface CreateParts {
  readonly catalog: Catalog;
  readonly events: Events;
  readonly images: Images;
  readonly networks: Pick<Networks, 'find'>;
  readonly completeHostConfig: (asked: Partial<HostConfig>) => HostConfig;
  /** Refuses what Docker refuses and what is not supported here; returns warnings of what `discard` leaves out. */
  readonly validate: (record: ContainerRecord, askedHostname: string) => string[];
  readonly discard: (hostConfig: HostConfig) => HostConfig;
  readonly prepareMounts: (record: ContainerRecord, options: CreateOptions) => Promise<PreparedMounts>;
  /** Fills new volumes with what the image has in their places. */
  readonly fillVolumes: (record: ContainerRecord) => Promise<void>;
  /** Lets others remove the volumes of a container that is recorded, or never will be. */
  readonly letVolumesGo: (containerId: string) => void;
  /** Gives back the volumes made for a container that could not be. */
  readonly dropVolumes: (names: readonly string[]) => Promise<void>;
}

export type Create = (
  name: string | undefined,
  request: ContainerCreateRequest,
  platform?: string,
  options?: CreateOptions,
) => Promise<ContainerCreateResponse>;

function hostnameFor(id: string, asked: string, hostConfig: HostConfig, hostname: string): string {
  if (asked !== '') return asked;
  return hostConfig.NetworkMode === 'host' ? hostname : shortId(id);
}

/** Modes such as `container:web` with the id in the name's place: a name may be another's tomorrow. */
function joinsById(catalog: Catalog, hostConfig: HostConfig): HostConfig {
  const resolve = (mode: string): string => {
    const owner = /^container:(.+)$/.exec(mode)?.[1];
    return owner === undefined ? mode : `container:${catalog.owner(owner.replace(/^\//, '')) ?? owner}`;
  };
  const { NetworkMode, PidMode, IpcMode } = hostConfig;
  return { ...hostConfig, NetworkMode: resolve(NetworkMode), PidMode: resolve(PidMode), IpcMode: resolve(IpcMode) };
}

/** The endpoint of a container that names none: in its own network, unless that is another container's. */
function ownEndpoint({ NetworkMode }: HostConfig): [string, object][] {
  return NetworkMode.startsWith('container:') ? [] : [[NetworkMode, {}]];
}

function refuseArtifact(name: string, { artifactType }: ImageRecord): void {
  if (artifactType === undefined) return;
  throw fail('invalid-argument', `${name} is no image to run: it holds an artifact of type ${artifactType}`);
}

/** Makes the creation: everything is checked before anything is made, and the record comes last. */
export function createCreate(parts: CreateParts, hostname: string): Create {
  const { catalog, events, images } = parts;

  function draft(name: string | undefined, request: ContainerCreateRequest, image: ImageRecord): ContainerRecord {
    const id = newId();
    const merged = mergeConfig(request, image.config);
    if ((merged.Entrypoint ?? []).length + (merged.Cmd ?? []).length === 0) {
      throw fail('invalid-argument', 'no command specified');
    }
    const hostConfig = joinsById(catalog, parts.completeHostConfig(request.HostConfig ?? {}));
    checkLogConfig(hostConfig.LogConfig);
    // By the name of this moment: a network that is given by its id is shown by its name.
    const endpoints = Object.entries(request.NetworkingConfig?.EndpointsConfig ?? {}).map(
      ([network, endpoint]) => [parts.networks.find(network)?.name ?? network, endpoint ?? {}] as const,
    );
    return {
      id,
      name: name ? checkedName(name) : randomName((word) => catalog.owner(word) !== undefined),
      createdAtNs: String(nowNs()),
      imageId: image.id,
      config: { ...merged, Hostname: hostnameFor(id, merged.Hostname, hostConfig, hostname) },
      hostConfig,
      endpoints: Object.fromEntries(endpoints.length > 0 ? endpoints : ownEndpoint(hostConfig)),
      mounts: [],
      anonymousVolumes: [],
      platform: image.os,
      life: neverStarted,
    };
  }

  return async (name, request, platform, options = {}) => {
    if (!request.Image) throw fail('invalid-argument', 'no command specified');
    const image = images.resolve(request.Image, platform === undefined ? undefined : parsePlatform(platform));
    refuseArtifact(request.Image, image);
    const asked = draft(name, request, image);
    const owner = catalog.owner(asked.name);
    // Asked before anything is made; `insert` asks again, for two creations at once.
    if (owner !== undefined) catalog.insert(asked);
    for (const { Type, Source } of asked.hostConfig.Mounts ?? []) {
      if (Type === 'bind') await checkAnswers(Source ?? '');
    }
    const warnings = parts.validate(asked, request.Hostname ?? '');
    const Links = resolveLinks(catalog, asked.hostConfig.Links);
    const record: ContainerRecord = { ...asked, hostConfig: { ...parts.discard(asked.hostConfig), Links } };
    let complete = record;
    try {
      images.rootfs.create(record.id, image);
      const { points, options: mountOptions, anonymousVolumes } = await parts.prepareMounts(record, options);
      complete = { ...record, mounts: points, mountOptions, anonymousVolumes };
      if (points.some(({ Type }) => Type === 'image')) warnings.push('Image mount is an experimental feature');
      await parts.fillVolumes(complete);
      catalog.insert(complete);
      announce(events, complete, 'create');
    } catch (error) {
      parts.letVolumesGo(record.id);
      for (const name of [record.id, ...snapshotsOf(complete)]) await images.rootfs.remove(name);
      await parts.dropVolumes(complete.anonymousVolumes);
      throw error;
    }
    parts.letVolumesGo(record.id);
    return { Id: record.id, Warnings: warnings };
  };
}
