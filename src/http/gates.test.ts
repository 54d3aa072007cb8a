import { describe, expect, test } from 'bun:test';
import type { ContainerCreateRequest, NetworkInspect } from '#api';
import { asOf, type Gate } from './gates.ts';
import {
  containerSummaryGates,
  createGates,
  imageInspectGates,
  imageSummaryGates,
  infoGates,
  networkRow,
  usedImageGates,
} from './shapes.ts';
import { newestMinor, oldestMinor } from './version.ts';

const image = { Size: 7, Containers: 2, RepoTags: [], RepoDigests: [], Config: { Cmd: ['sh'] } };
const info = {
  SecurityOptions: ['name=seccomp,profile=builtin'],
  FirewallBackend: { Driver: 'nftables' },
  RegistryConfig: { Mirrors: null },
  RuncCommit: { ID: 'abc' },
};
const row = { HostConfig: { NetworkMode: 'bridge', Annotations: { a: 'b' } } };

/** `path` of the shape at the version before the change, and from it on; undefined where it is not there. */
type Row = readonly [
  gates: readonly Gate<never>[],
  shape: object,
  since: number,
  path: string,
  before: unknown,
  after: unknown,
];

const table: readonly Row[] = [
  [containerSummaryGates, row, 46, 'HostConfig.Annotations', undefined, { a: 'b' }],
  [imageSummaryGates, image, 51, 'Containers', -1, 2],
  [imageSummaryGates, image, 44, 'VirtualSize', 7, undefined],
  [imageSummaryGates, image, 43, 'RepoTags', null, []],
  [imageSummaryGates, image, 43, 'RepoDigests', null, []],
  [usedImageGates, image, 44, 'VirtualSize', 7, undefined],
  [imageInspectGates, image, 50, 'Config.Hostname', '', undefined],
  [imageInspectGates, image, 50, 'Config.Cmd', ['sh'], ['sh']],
  [imageInspectGates, image, 45, 'ContainerConfig.Image', '', undefined],
  [imageInspectGates, image, 44, 'VirtualSize', 7, undefined],
  [infoGates, info, 50, 'BridgeNfIptables', false, undefined],
  [infoGates, info, 49, 'FirewallBackend', undefined, { Driver: 'nftables' }],
  [infoGates, info, 49, 'RuncCommit.Expected', 'abc', undefined],
  [infoGates, info, 47, 'RegistryConfig.AllowNondistributableArtifactsCIDRs', null, undefined],
  [infoGates, info, 42, 'KernelMemory', false, undefined],
  [infoGates, info, 25, 'SecurityOptions', ['seccomp'], ['name=seccomp,profile=builtin']],
  [
    createGates,
    { NetworkingConfig: { EndpointsConfig: { a: { GwPriority: 1 } } } },
    48,
    'NetworkingConfig.EndpointsConfig.a.GwPriority',
    undefined,
    1,
  ],
  [createGates, { Healthcheck: { StartInterval: 1 } }, 44, 'Healthcheck.StartInterval', undefined, 1],
  [
    createGates,
    { HostConfig: { Mounts: [{ BindOptions: { ReadOnlyNonRecursive: true } }] } },
    44,
    'HostConfig.Mounts.0.BindOptions.ReadOnlyNonRecursive',
    undefined,
    true,
  ],
  [createGates, { HostConfig: { Annotations: { a: 'b' } } }, 43, 'HostConfig.Annotations', undefined, { a: 'b' }],
  [createGates, { HostConfig: { ConsoleSize: [1, 2] } }, 42, 'HostConfig.ConsoleSize', undefined, [1, 2]],
  [
    createGates,
    { HostConfig: { Mounts: [{ BindOptions: { CreateMountpoint: true } }] } },
    42,
    'HostConfig.Mounts.0.BindOptions.CreateMountpoint',
    undefined,
    true,
  ],
  [createGates, {}, 41, 'HostConfig.CgroupnsMode', 'host', undefined],
  [createGates, {}, 40, 'HostConfig.IpcMode', 'shareable', undefined],
  [createGates, { HostConfig: { IpcMode: 'host' } }, 40, 'HostConfig.IpcMode', 'host', 'host'],
  [
    createGates,
    { HostConfig: { Mounts: [{ BindOptions: { NonRecursive: true } }] } },
    40,
    'HostConfig.Mounts.0.BindOptions.NonRecursive',
    undefined,
    true,
  ],
  [createGates, { HostConfig: { AutoRemove: true } }, 25, 'HostConfig.AutoRemove', false, true],
];

function at(shape: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], shape);
}

describe('what versions changed', () => {
  test.each(table)('%#: since 1.%i', (gates, shape, since, path, before, after) => {
    for (let version = oldestMinor; version <= newestMinor; version += 1) {
      const seen = at(asOf(shape as never, version, gates), path);
      expect([path, version, seen]).toEqual([path, version, version < since ? before : after]);
    }
  });

  test('no gate changes what it is given', () => {
    const shape = Object.freeze({ ...image, Config: Object.freeze({ Cmd: ['sh'] }) });
    expect(asOf(shape as never, oldestMinor, imageInspectGates)).not.toBe(shape);
    expect(shape).not.toHaveProperty('VirtualSize');
  });

  test('networks list who is in them only to old clients', () => {
    const network = { Name: 'bridge', Containers: { a: {} } } as unknown as NetworkInspect;
    expect(Object.keys(networkRow(network, 27).Containers)).toEqual(['a']);
    expect(networkRow(network, 28)).toMatchObject({ Name: 'bridge', Containers: {} });
  });

  const refused: readonly (readonly [string, number, ContainerCreateRequest])[] = [
    [
      'VolumeOptions.Subpath needs API v1.45 or newer',
      45,
      { HostConfig: { Mounts: [{ Type: 'volume', Target: '/a', VolumeOptions: { Subpath: 'x' } }] } },
    ],
    ['Mount type "Image" needs API v1.48 or newer', 48, { HostConfig: { Mounts: [{ Type: 'image', Target: '/a' }] } }],
    [
      'BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer',
      44,
      { HostConfig: { Mounts: [{ Type: 'bind', Target: '/a', BindOptions: { ReadOnlyForceRecursive: true } }] } },
    ],
    [
      'Container cannot be created with multiple network endpoints: a, b',
      44,
      { NetworkingConfig: { EndpointsConfig: { a: {}, b: null } } },
    ],
  ];
  test.each(refused)('%s', (message, since, request) => {
    expect(() => asOf(request, since - 1, createGates)).toThrow(message);
    expect(asOf(request, since, createGates)).toMatchObject(request);
  });
});
