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
      return [point({ Type: 'volume', Name: 'shared', Destination: '/shared', Mode: 'z' })];
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
  [{ Type: 'image', Source: 'busybox' }, 'mounts of type "image" are not supported'],
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
  expect(plan({ VolumesFrom: ['web:ro'] }).points).toMatchObject([{ Name: 'shared', RW: false, Mode: '' }]);
  const replaced = plan({ VolumesFrom: ['web'], Binds: ['/etc:/shared'] });
  expect(replaced.points).toMatchObject([{ Type: 'bind', Source: '/etc' }]);
  expect(replaced.volumes).toEqual([]);
});

test('volumes of other containers that are none', () => {
  expect(() => plan({ VolumesFrom: ['nope'] })).toThrow('No such container: nope');
  expect(() => plan({ VolumesFrom: ['web:foo'] })).toThrow('invalid mode: foo');
  expect(() => plan({ VolumesFrom: [''] })).toThrow('volumes-from specification cannot be an empty string');
});

test('volumes are made; when one fails the nameless ones go again', async () => {
  const calls: string[] = [];
  const volumes = {
    create: async ({ Name = '' }) => {
      if (Name === 'bad') throw fail('invalid-argument', 'create bad: no');
      calls.push(`+${Name}`);
      return { Mountpoint: `/v/${Name}` };
    },
    remove: async (name: string) => {
      calls.push(`-${name}`);
    },
  };
  const good = await prepareMounts(bind('data:/x', '/etc:/y'), volumes);
  expect(good).toMatchObject({ anonymousVolumes: [], points: [{ Source: '/v/data' }, { Source: '/etc' }] });
  calls.length = 0;
  await expect(prepareMounts(bind('/x', 'data:/y', 'bad:/z'), volumes)).rejects.toThrow('create bad: no');
  const anonymous = calls[0]?.slice(1);
  expect(calls).toEqual([`+${anonymous}`, '+data', `-${anonymous}`]);
});
