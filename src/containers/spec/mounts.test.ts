import { expect, test } from 'bun:test';
import type { HostConfig, Mount, MountPoint } from '#api';
import { fail } from '#std/errors';
import { type MountPlan, planMounts, prepareMounts } from './mounts.ts';

type Asked = Partial<Pick<HostConfig, 'Binds' | 'Mounts' | 'Tmpfs' | 'VolumesFrom' | 'VolumeDriver'>>;

function plan(asked: Asked, declared: string[] = []): MountPlan {
  return planMounts({
    config: { Volumes: Object.fromEntries(declared.map((path) => [path, {}])) },
    hostConfig: { Binds: null, VolumesFrom: null, VolumeDriver: '', ...asked },
    mountsOf: (name) => {
      if (name !== 'web') throw fail('not-found', `No such container: ${name}`);
      return {
        points: [
          point({ Type: 'volume', Name: 'shared', Destination: '/shared', Mode: 'z' }),
          point({ Type: 'image', Name: 'data:1', Destination: '/image', RW: false }),
        ],
        options: {
          '/shared': { fill: true, subpath: 'part' },
          '/image': { image: 'sha256:1', snapshot: 'theirs-1' },
        },
      };
    },
    dataRoot: '/var/lib/engine',
    exists: (path) => path.startsWith('/host'),
  });
}

function point(fields: Partial<MountPoint>): MountPoint {
  return { Type: 'bind', Source: '', Destination: '', Mode: '', RW: true, Propagation: '', ...fields };
}

const bind = (...Binds: string[]): MountPlan => plan({ Binds });
const mount = (fields: Partial<Mount>): MountPlan => plan({ Mounts: [{ Type: 'bind', Target: '/x', ...fields }] });

test('short form: binds and volumes', () => {
  expect(bind('/etc:/x/').points).toEqual([point({ Source: '/etc', Destination: '/x', Propagation: 'rprivate' })]);
  expect(bind('/etc:/x/../y:ro,Z,rslave').points).toEqual([
    point({ Source: '/etc', Destination: '/y', Mode: 'ro,Z,rslave', RW: false, Propagation: 'rslave' }),
  ]);
  expect(bind('data:/x').points).toMatchObject([
    { Type: 'volume', Name: 'data', Driver: 'local', Mode: 'z', RW: true },
  ]);
  expect(bind('data:/x:ro').points).toMatchObject([{ Name: 'data', Mode: 'ro', RW: false }]);
  const anonymous = bind('/x');
  expect(anonymous.points[0]?.Name).toMatch(/^[0-9a-f]{64}$/);
  expect(anonymous.volumes).toMatchObject([{ anonymous: true }]);
  expect(plan({ Binds: ['data:/x'], VolumeDriver: 'nfs' }).volumes[0]?.request).toEqual({
    Name: 'data',
    Driver: 'nfs',
  });
});

test("a bind mount of the engine's own data follows the host", () => {
  expect(bind('/var:/x').points[0]?.Propagation).toBe('rslave');
  expect(bind('/:/x').points[0]?.Propagation).toBe('rslave');
  expect(bind('/var/lib/engine/volumes:/x').points[0]?.Propagation).toBe('rprivate');
  expect(bind('/var/lib/eng:/x').points[0]?.Propagation).toBe('rprivate');
});

const malformed: [text: string, message: string][] = [
  ['', "invalid volume specification: ''"],
  ['/etc:', "invalid volume specification: '/etc:'"],
  [':/x', "invalid volume specification: ':/x'"],
  ['a:b:c:d', "invalid volume specification: 'a:b:c:d'"],
  ['/x:ro', "invalid volume specification: '/x:ro'"],
  ['/etc:/x:foo', 'invalid mode: foo'],
  ['/etc:/x:ro,rw', 'invalid mode: ro,rw'],
  ['/etc:/x:z,Z', 'invalid mode: z,Z'],
  ['/etc:/x:copy', 'invalid mode: copy'],
  [
    '/etc:x',
    `invalid volume specification: '/etc:x': invalid mount config for type "bind": invalid mount path: 'x' mount path must be absolute`,
  ],
  [
    '/etc:/',
    `invalid volume specification: '/etc:/': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
  ],
  [
    'data:/x:rslave',
    `invalid volume specification: 'data:/x:rslave': invalid mount config for type "volume": field BindOptions must not be specified`,
  ],
  [
    '/etc:/x:nocopy',
    `invalid volume specification: '/etc:/x:nocopy': invalid mount config for type "bind": field VolumeOptions must not be specified`,
  ],
];

test.each(malformed)('short form refused: %p', (text, message) => {
  expect(() => bind(text)).toThrow(new Error(message));
});

const refused: [fields: Partial<Mount>, message: string][] = [
  [{ Source: '/nope' }, 'invalid mount config for type "bind": bind source path does not exist: /nope'],
  [{ Source: '' }, 'invalid mount config for type "bind": field Source must not be empty'],
  [{ Source: '/host', Target: '' }, 'invalid mount config for type "bind": field Target must not be empty'],
  [{ Source: 'rel' }, `invalid mount config for type "bind": invalid mount path: 'rel' mount path must be absolute`],
  [
    { Source: '/host', BindOptions: { Propagation: 'foo' } },
    'invalid mount config for type "bind": invalid propagation mode: foo',
  ],
  [{ Source: '/host', VolumeOptions: {} }, 'VolumeOptions must not be specified on mount type "bind"'],
  [
    { Type: 'volume', ReadOnly: true },
    'invalid mount config for type "volume": must not set ReadOnly mode when using anonymous volumes',
  ],
  [
    { Type: 'volume', Source: 'data', VolumeOptions: { Subpath: '../x' } },
    'invalid mount config for type "volume": subpath must be a relative path within the volume',
  ],
  [{ Type: 'tmpfs', Source: 'a' }, 'invalid mount config for type "tmpfs": field Source must not be specified'],
  [
    { Type: 'tmpfs', TmpfsOptions: { Options: [['uid', '5']] } },
    'invalid mount config for type "tmpfs": invalid option: uid',
  ],
  [{ Type: 'npipe' }, 'invalid mount config for type "npipe": mount type unknown'],
  [{ Type: 'cluster', Source: 'x' }, 'invalid mount config for type "cluster": mount type unknown'],
  [
    { Type: 'tmpfs', TmpfsOptions: { Options: [['exec'], null] as unknown as string[][] } },
    'invalid mount config for type "tmpfs": invalid option array length',
  ],
  [{ Type: 'image' }, 'invalid mount config for type "image": field Source must not be empty'],
  [
    { Type: 'image', Source: 'busybox', ImageOptions: { Subpath: '/etc' } },
    'invalid mount config for type "image": subpath must be a relative path within the volume',
  ],
  [{ Type: 'image', Source: 'busybox', BindOptions: {} }, 'BindOptions must not be specified on mount type "image"'],
  [
    { Type: 'tmpfs', ImageOptions: {} },
    'invalid mount config for type "tmpfs": field ImageOptions must not be specified',
  ],
];

test.each(refused)('long form refused: %j', (fields, message) => {
  expect(() => mount(fields)).toThrow(new Error(message));
});

test('long form', () => {
  expect(mount({ Source: '/new', BindOptions: { CreateMountpoint: true } }).points).toHaveLength(1);
  expect(mount({ Type: 'tmpfs', ReadOnly: true }).points).toEqual([
    point({ Type: 'tmpfs', Destination: '/x', RW: false }),
  ]);
  const options = { Labels: { a: 'b' }, DriverConfig: { Name: 'local', Options: { type: 'tmpfs' } } };
  expect(mount({ Type: 'volume', Source: 'data', VolumeOptions: options }).volumes).toEqual([
    { anonymous: false, request: { Name: 'data', Driver: 'local', DriverOpts: { type: 'tmpfs' }, Labels: { a: 'b' } } },
  ]);
});

test('who wins a place', () => {
  expect(() => bind('/etc:/x', '/usr:/x/')).toThrow('Duplicate mount point: /x');
  expect(() => plan({ Binds: ['/etc:/x'], Mounts: [{ Type: 'tmpfs', Target: '/x' }] })).toThrow(
    'Duplicate mount point',
  );
  expect(() => plan({ Binds: ['/etc:/x'], Tmpfs: { '/x': '' } })).toThrow('Duplicate mount point: /x');
  expect(plan({ Binds: ['/etc:/v'], Tmpfs: { '/t': '' } }, ['/v', '/t', '/own']).points).toMatchObject([
    { Type: 'bind', Destination: '/v' },
    { Type: 'volume', Destination: '/own', Mode: '' },
  ]);
  expect(plan({ VolumesFrom: ['web:ro'] }).points[0]).toMatchObject({ Name: 'shared', RW: false, Mode: '' });
  const replaced = plan({ VolumesFrom: ['web'], Binds: ['/etc:/shared'] });
  expect(replaced.points[0]).toMatchObject({ Type: 'bind', Source: '/etc' });
  expect(replaced.volumes).toEqual([]);
});

test('what inspect does not show of a mount is planned beside it, and goes with volumes-from', () => {
  expect(plan({ VolumesFrom: ['web'] }).options).toEqual({
    '/shared': { subpath: 'part' },
    '/image': { image: 'sha256:1' },
  });
  const asked = {
    Mounts: [
      { Type: 'volume', Source: 'data', Target: '/v', VolumeOptions: { Subpath: '..a/b', NoCopy: true } },
      { Type: 'bind', Source: '/host', Target: '/b', ReadOnly: true, BindOptions: { ReadOnlyForceRecursive: true } },
      { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 4096, Mode: 0o700, Options: [['exec']] } },
      { Type: 'image', Source: 'busybox', Target: '/i', ImageOptions: { Subpath: 'bin' } },
    ] satisfies Mount[],
    Binds: ['data:/w', '/new:/c:ro,rshared'],
  };
  expect(plan(asked).options).toEqual({
    '/w': { fill: true },
    '/c': { createSource: true, strictPropagation: true },
    '/v': { subpath: '..a/b' },
    '/b': { deepReadOnly: true },
    '/t': { tmpfs: ['mode=700', 'size=4096', 'exec'] },
    '/i': { subpath: 'bin' },
  });
  expect(plan(asked).points.find(({ Type }) => Type === 'image')).toMatchObject({ RW: false, Propagation: 'rprivate' });
});

test('a declared place may be relative, as in images', () => {
  expect(plan({}, ['data/', '/x/']).points.map(({ Destination }) => Destination)).toEqual(['data', '/x']);
});

test('volumes of other containers that are none', () => {
  expect(() => plan({ VolumesFrom: ['nope'] })).toThrow('No such container: nope');
  expect(() => plan({ VolumesFrom: ['web:foo'] })).toThrow('invalid mode: foo');
  expect(() => plan({ VolumesFrom: [''] })).toThrow('volumes-from specification cannot be an empty string');
});

test('volumes and snapshots are made; when one fails the nameless ones go again', async () => {
  const calls: string[] = [];
  const volumes = {
    create: async ({ Name = '', Driver = 'local' }) => {
      if (Name === 'bad') throw fail('invalid-argument', 'create bad: no');
      calls.push(`+${Name}`);
      return { Mountpoint: `/v/${Name}`, Driver };
    },
    remove: async (name: string) => {
      calls.push(`-${name}`);
    },
    letGo: () => undefined,
  };
  const snapshots = {
    create: (name: string, reference: string) => {
      if (reference === 'nope') throw fail('not-found', 'No such image: nope:latest');
      return { image: `sha256:${reference}`, path: `/s/${name}` };
    },
    remove: async (name: string) => {
      calls.push(`-${name}`);
    },
  };
  const prepare = (made: MountPlan) => prepareMounts('c1', made, volumes, snapshots);
  const image = (Source: string): Mount => ({ Type: 'image', Source, Target: `/${Source}` });
  const good = await prepare(plan({ Binds: ['data:/x', '/etc:/y'], Mounts: [image('busybox')] }));
  expect(good).toMatchObject({
    anonymousVolumes: [],
    points: [{ Source: '/v/data' }, { Source: '/etc' }, { Source: '/s/c1-2', Name: 'busybox' }],
    options: { '/busybox': { image: 'sha256:busybox', snapshot: 'c1-2' } },
  });
  calls.length = 0;
  await expect(prepare(bind('/x', 'data:/y', 'bad:/z'))).rejects.toThrow('create bad: no');
  const anonymous = calls[0]?.slice(1);
  expect(calls).toEqual([`+${anonymous}`, '+data', `-${anonymous}`]);
  calls.length = 0;
  await expect(prepare(plan({ Mounts: [image('one'), image('nope')] }))).rejects.toThrow('No such image');
  expect(calls).toEqual(['-c1-0']);
});
