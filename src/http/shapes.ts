import type {
  ContainerCreateRequest,
  ContainerSummary,
  ImageInspect,
  ImageSummary,
  Mount,
  NetworkCreateRequest,
  NetworkInspect,
} from '#api';
import { fail } from '#std/errors';
import type { Gate } from './gates.ts';

/** What a configuration without content was spelled like, before images had one of their own. */
const emptyContainerConfig = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};

function unlessEmpty<T>(list: readonly T[] | null): readonly T[] | null {
  return list?.length === 0 ? null : list;
}

/** Rows of `GET /containers/json`. */
export const containerSummaryGates: readonly Gate<ContainerSummary>[] = [
  { since: 46, before: ({ HostConfig: { NetworkMode }, ...row }) => ({ ...row, HostConfig: { NetworkMode } }) },
];

/** Rows of `GET /images/json`. */
export const imageSummaryGates: readonly Gate<ImageSummary>[] = [
  { since: 51, before: (image) => ({ ...image, Containers: -1 }) },
  { since: 44, before: (image) => ({ ...image, VirtualSize: image.Size }) },
  {
    since: 43,
    before: ({ RepoDigests, RepoTags, ...image }) => ({
      ...image,
      RepoDigests: unlessEmpty(RepoDigests),
      RepoTags: unlessEmpty(RepoTags),
    }),
  },
];

/** Images of `GET /system/df`, which has always counted containers. */
export const usedImageGates: readonly Gate<ImageSummary>[] = imageSummaryGates.filter(({ since }) => since === 44);

/** The answer of `GET /images/{name}/json`. */
export const imageInspectGates: readonly Gate<ImageInspect>[] = [
  {
    since: 50,
    before: (image) =>
      image.Config === null ? image : { ...image, Config: { ...emptyContainerConfig, ...image.Config } },
  },
  { since: 45, before: (image) => ({ ...image, ContainerConfig: emptyContainerConfig }) },
  { since: 44, before: (image) => ({ ...image, VirtualSize: image.Size }) },
];

/** What `GET /info` tells, as far as versions differ in it. */
export interface GatedInfo {
  readonly SecurityOptions: readonly string[];
  readonly FirewallBackend: object;
  readonly RegistryConfig: object;
  readonly RuncCommit: { readonly ID: string };
}

/** The answer of `GET /info`. */
export const infoGates: readonly Gate<GatedInfo>[] = [
  { since: 50, before: (info) => ({ ...info, BridgeNfIptables: false, BridgeNfIp6tables: false }) },
  {
    since: 49,
    before: ({ FirewallBackend: _, RuncCommit: { ID }, ...info }) => ({ ...info, RuncCommit: { ID, Expected: ID } }),
  },
  {
    since: 47,
    before: (info) => ({
      ...info,
      RegistryConfig: {
        ...info.RegistryConfig,
        AllowNondistributableArtifactsCIDRs: null,
        AllowNondistributableArtifactsHostnames: null,
      },
    }),
  },
  { since: 42, before: (info) => ({ ...info, KernelMemory: false }) },
  {
    // A security option was its name alone.
    since: 25,
    before: ({ SecurityOptions, ...info }) => ({
      ...info,
      SecurityOptions: SecurityOptions.map((option) => /(?:^|,)name=([^,]*)/.exec(option)?.[1] ?? option),
    }),
  },
];

/** Rows of `GET /networks`: who is in a network is for inspect to tell since 1.28. */
export function networkRow(network: NetworkInspect, version: number): NetworkInspect {
  return version < 28 ? network : { ...network, Containers: {} };
}

/** The body of `POST /networks/create`: that IPv4 can be left out came with 1.48. */
export const networkCreateGates: readonly Gate<NetworkCreateRequest>[] = [
  { since: 48, before: (request) => without(request, 'EnableIPv4') },
];

function withHost(request: ContainerCreateRequest, change: ContainerCreateRequest['HostConfig']): object {
  return { ...request, HostConfig: { ...request.HostConfig, ...change } };
}

function without<T extends object, K extends keyof T>(shape: T, ...keys: readonly K[]): Omit<T, K> {
  const rest = { ...shape };
  for (const key of keys) delete rest[key];
  return rest;
}

/** What a null in the list of mounts stands for; its type is refused. */
const emptyMount = { Type: '', Target: '' } as unknown as Mount;

/** The mounts of a request changed; what is refused for a client of that age throws. */
function withMounts(request: ContainerCreateRequest, change: (mount: Mount) => Mount): object {
  const mounts = request.HostConfig?.Mounts as (Mount | null)[] | null | undefined;
  return mounts == null ? request : withHost(request, { Mounts: mounts.map((mount) => change(mount ?? emptyMount)) });
}

function withoutBindOption(
  request: ContainerCreateRequest,
  ...keys: (keyof NonNullable<Mount['BindOptions']>)[]
): object {
  return withMounts(request, (mount) =>
    mount.BindOptions == null ? mount : { ...mount, BindOptions: without(mount.BindOptions, ...keys) },
  );
}

/** What changes how a container behaves is refused to a client that is too old to mean it. */
function refuseMounts(
  request: ContainerCreateRequest,
  what: string,
  since: number,
  has: (mount: Mount) => boolean,
): object {
  return withMounts(request, (mount) => {
    if (has(mount)) throw fail('invalid-argument', `${what} needs API v1.${since} or newer`);
    return mount;
  });
}

/** One network a container, and no order among them. */
function refuseNetworks(request: ContainerCreateRequest): object {
  const names = Object.keys(request.NetworkingConfig?.EndpointsConfig ?? {});
  if (names.length <= 1) return request;
  throw fail('invalid-argument', `Container cannot be created with multiple network endpoints: ${names.join(', ')}`);
}

function withoutPriority(request: ContainerCreateRequest): object {
  const endpoints = Object.entries(request.NetworkingConfig?.EndpointsConfig ?? {});
  if (endpoints.length === 0) return request;
  const EndpointsConfig = Object.fromEntries(
    endpoints.map(([name, endpoint]) => [name, endpoint && without(endpoint, 'GwPriority')]),
  );
  return { ...request, NetworkingConfig: { ...request.NetworkingConfig, EndpointsConfig } };
}

/** The request with a mount in every place of its list. */
export function wholeMounts(request: ContainerCreateRequest): object {
  return withMounts(request, (mount) => mount);
}

/** The body of `POST /containers/create`: what clients of each age mean by it. */
export const createGates: readonly Gate<ContainerCreateRequest>[] = [
  {
    since: 48,
    before: (request) =>
      withoutPriority(
        refuseMounts(request, 'Mount type "Image"', 48, ({ Type }) => Type === 'image') as typeof request,
      ),
  },
  {
    since: 45,
    before: (request) =>
      refuseMounts(request, 'VolumeOptions.Subpath', 45, ({ VolumeOptions }) => !!VolumeOptions?.Subpath),
  },
  {
    since: 44,
    before: (request) =>
      refuseNetworks(
        refuseMounts(request, 'BindOptions.ReadOnlyForceRecursive', 44, ({ BindOptions }) => {
          return BindOptions?.ReadOnlyForceRecursive === true;
        }) as typeof request,
      ),
  },
  { since: 44, before: (request) => withoutBindOption(request, 'ReadOnlyNonRecursive') },
  {
    since: 44,
    before: (request) =>
      request.Healthcheck == null
        ? request
        : { ...request, Healthcheck: without(request.Healthcheck, 'StartInterval') },
  },
  { since: 43, before: (request) => ({ ...request, HostConfig: without(request.HostConfig ?? {}, 'Annotations') }) },
  { since: 42, before: (request) => withoutBindOption(request, 'CreateMountpoint') },
  // The console's size came later than its field; older clients send what the engine once answered.
  { since: 42, before: (request) => ({ ...request, HostConfig: without(request.HostConfig ?? {}, 'ConsoleSize') }) },
  {
    since: 41,
    before: (request) => (request.HostConfig?.CgroupnsMode ? request : withHost(request, { CgroupnsMode: 'host' })),
  },
  { since: 40, before: (request) => withoutBindOption(request, 'NonRecursive') },
  {
    since: 40,
    before: (request) => ({ ...request, HostConfig: without(request.HostConfig ?? {}, 'KernelMemoryTCP') }),
  },
  {
    since: 40,
    before: (request) => (request.HostConfig?.IpcMode ? request : withHost(request, { IpcMode: 'shareable' })),
  },
  // Clients removed such a container themselves.
  { since: 25, before: (request) => withHost(request, { AutoRemove: false }) },
];
