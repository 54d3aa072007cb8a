import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerConfig, HostConfig } from '#api';
import { killAll, removeCgroup } from '#linux/cgroups';
import { encodeOci, type OciSpec } from '#oci';
import { completeHostConfig } from '../create/host-defaults.ts';
import { mergeConfig } from '../create/merge.ts';
import { buildSpec } from './build.ts';
import { containerMounts, readySource } from './container-mounts.ts';
import { type HostFacts, readHostFacts } from './host.ts';
import { readBlockLimits, readContainerDevices } from './host-devices.ts';
import { planMounts } from './mounts.ts';
import { rlimitsOf } from './rlimits.ts';
import { readUserDatabase } from './user-database.ts';
import { resolveUser } from './users.ts';

const cgroup = `/spec-test-${process.pid}`;
let root = '';
let rootfs = '';
let host: HostFacts;

beforeAll(() => {
  host = readHostFacts();
  root = mkdtempSync(join(tmpdir(), 'spec-test-'));
  rootfs = join(root, 'rootfs');
  const busybox = Bun.which('busybox');
  if (busybox === null) throw new Error('busybox-static is not installed');
  for (const name of ['bin', 'etc', 'dev', 'proc', 'sys', 'tmp']) mkdirSync(join(rootfs, name), { recursive: true });
  writeFileSync(join(rootfs, 'bin/busybox'), readFileSync(busybox), { mode: 0o755 });
  for (const name of ['sh', 'cat', 'grep', 'id', 'mount', 'ls', 'unshare', 'touch', 'env', 'pwd', 'mkdir', 'chroot']) {
    symlinkSync('busybox', join(rootfs, 'bin', name));
  }
  writeFileSync(join(rootfs, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n');
  writeFileSync(join(rootfs, 'etc/group'), 'root:x:0:\nweb:x:33:\naudio:x:29:web\n');
});
afterAll(async () => {
  await killAll(cgroup);
  expect(removeCgroup(cgroup)).toBe(true);
  rmSync(root, { recursive: true });
});

function specFor(config: Partial<ContainerConfig>, asked: Partial<HostConfig>): OciSpec {
  const hostConfig = completeHostConfig(asked, host.cgroupVersion);
  const merged = mergeConfig(config, {});
  const plan = planMounts({
    config: merged,
    hostConfig,
    mountsOf: () => ({ points: [], options: {} }),
    dataRoot: '/nowhere',
  });
  return buildSpec({
    config: merged,
    hostConfig,
    host,
    rootfs,
    linkEnvironment: [],
    loadsPrograms: true,
    hostname: 'box',
    namespaces: {
      network: hostConfig.NetworkMode === 'host' ? 'host' : 'private',
      pid: 'private',
      ipc: 'private',
      uts: 'private',
      cgroup: 'private',
    },
    joinsNetwork: false,
    user: resolveUser(merged.User, readUserDatabase(rootfs), hostConfig.GroupAdd ?? []),
    devices: readContainerDevices(hostConfig),
    block: readBlockLimits(hostConfig),
    mounts: containerMounts({ hostConfig, ...plan, sources: new Map() }),
    files: {},
    cgroupsPath: `${cgroup}/box`,
    defaultUlimits: [],
  });
}

/** What a script prints, errors too, in a real container of such a configuration. */
function run(script: string, asked: Partial<HostConfig> = {}, config: Partial<ContainerConfig> = {}): string {
  const bundle = join(root, 'bundle');
  mkdirSync(bundle, { recursive: true });
  writeFileSync(join(bundle, 'config.json'), encodeOci(specFor({ Cmd: ['sh', '-c', script], ...config }, asked)));
  const crun = `exec crun --root ${root}/state --cgroup-manager=cgroupfs run --bundle ${bundle} spec-test 2>&1`;
  const leaveHybrid = 'if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi';
  const child = Bun.spawnSync(['unshare', '-m', 'sh', '-c', `${leaveHybrid}; ${crun}`], { stdin: 'ignore' });
  return child.stdout.toString().trim();
}

const status = (field: string, asked: Partial<HostConfig> = {}, config: Partial<ContainerConfig> = {}): string =>
  run(`grep ^${field}: /proc/self/status`, asked, config).replace(/^\w+:\s*/, '');

test('the defaults, seen from inside', () => {
  expect(status('CapEff')).toBe('00000000a80425fb');
  expect(status('Seccomp')).toBe('2');
  expect(status('NoNewPrivs')).toBe('0');
  expect(run('env; pwd; id').split('\n')).toEqual(
    expect.arrayContaining(['HOSTNAME=box', 'HOME=/root', '/', 'uid=0(root) gid=0(root) groups=0(root)']),
  );
  expect(run('cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range')).toBe(
    '0\n0\t2147483647',
  );
  const mounts = run('mount');
  expect(mounts).toContain('sysfs on /sys type sysfs (ro,nosuid,nodev,noexec');
  expect(mounts).toMatch(/shm on \/dev\/shm type tmpfs \(rw,nosuid,nodev,noexec,relatime,size=65536k/);
  expect(mounts).toContain(' on /proc/sys type proc (ro');
  expect(mounts).toContain(' on /sys/firmware type tmpfs (ro');
  expect(run('ls -d /sys/fs/cgroup/*/spec-test* /sys/fs/cgroup/spec-test* 2>/dev/null')).toBe('');
});

test('what the filter and the capabilities forbid fails, and what programs need works', () => {
  expect(run('unshare -m true')).toContain('Operation not permitted');
  expect(run('unshare -U true')).toContain('Operation not permitted');
  expect(run('mount -t tmpfs none /tmp')).toContain('permission denied');
  expect(run('echo 1 > /proc/sys/kernel/msgmax')).toContain('Read-only file system');
  expect(run('chroot / true && touch /tmp/a && mkdir -p /tmp/b && echo works')).toBe('works');
  expect(run('unshare -U true && echo open', { SecurityOpt: ['seccomp=unconfined'] })).toBe('open');
  const noMkdir =
    '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}';
  expect(run('mkdir /tmp/c', { SecurityOpt: [`seccomp=${noMkdir}`] })).toContain('Operation not permitted');
});

test('privileged: everything that the engine has itself, and no filter', () => {
  const privileged = { Privileged: true };
  expect(BigInt(`0x${status('CapEff', privileged)}`)).toBe(
    BigInt(`0x${/^CapBnd:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`),
  );
  expect(status('Seccomp', privileged)).toBe('0');
  expect(run('mount -t tmpfs none /tmp && echo mounted; ls /dev/kmsg', privileged)).toBe('mounted\n/dev/kmsg');
  expect(run('mount', privileged)).toContain('sysfs on /sys type sysfs (rw,');
});

test('users: groups, home, no rights but those of the user', () => {
  const user = { User: 'web', WorkingDir: '/tmp' };
  expect(run('id; env | grep HOME; pwd', { GroupAdd: ['77'] }, user)).toBe(
    'uid=33(web) gid=33(web) groups=29(audio),33(web),77\nHOME=/srv\n/tmp',
  );
  expect(status('CapEff', {}, user)).toBe('0000000000000000');
  expect(status('NoNewPrivs', { SecurityOpt: ['no-new-privileges'] })).toBe('1');
  expect(run('env | grep HOME', {}, { User: '5000:5000' })).toBe('HOME=/');
});

test('mounts: read-only with all below, tmpfs, a read-only root', () => {
  const below = join(root, 'shown');
  mkdirSync(below, { recursive: true });
  writeFileSync(join(below, 'file'), 'content');
  expect(run('cat /x/file; touch /x/new', { Binds: [`${below}:/x:ro`] })).toMatch(/^content.*Read-only file system/s);
  expect(run('touch /x/shm/new', { Binds: ['/dev:/x:ro'] })).toContain('Read-only file system');
  expect(run('mount | grep " /t "', { Tmpfs: { '/t': 'size=1m,exec,mode=755' } })).toBe(
    'tmpfs on /t type tmpfs (rw,nosuid,nodev,relatime,size=1024k,mode=755)',
  );
  expect(run('echo mounted', { Tmpfs: { '/t': 'rslave,noexec,exec' } })).toBe('mounted');
  expect(run('touch /new; touch /dev/shm/a && echo shm', { ReadonlyRootfs: true })).toMatch(/Read-only.*shm$/s);
  expect(() => specFor({ Cmd: ['true'] }, { Tmpfs: { '/t': 'foo' } })).toThrow('invalid tmpfs option "foo"');
  const made = join(root, 'made/by/start');
  readySource(made, true);
  expect(run('ls -d /x', { Binds: [`${made}:/x`] })).toBe('/x');
});

test('limits: what was asked for, exactly or not at all; defaults never above the engine', () => {
  const own = { RLIMIT_NOFILE: { soft: 1000, hard: 2000 } };
  const bounded = { own, canRaise: false };
  const many = [{ Name: 'nofile', Soft: 1500, Hard: 4000 }];
  expect(rlimitsOf({ ...bounded, asked: [], defaults: many })).toEqual([
    { type: 'RLIMIT_NOFILE', soft: 1500, hard: 2000 },
  ]);
  expect(() => rlimitsOf({ ...bounded, asked: many, defaults: [] })).toThrow(
    'error setting rlimit type 7: operation not permitted',
  );
  expect(rlimitsOf({ own, canRaise: true, asked: many, defaults: [] })).toMatchObject([{ hard: 4000 }]);
  const limits = run('ulimit -n; ulimit -t', {
    Ulimits: [
      { Name: 'nofile', Soft: 100, Hard: 200 },
      { Name: 'cpu', Soft: -1, Hard: -1 },
    ],
  });
  expect(limits).toBe('100\nunlimited');
  expect(() => specFor({ Cmd: ['true'] }, { Ulimits: [{ Name: 'foo', Soft: 1, Hard: 1 }] })).toThrow('RLIMIT_FOO');
});

test('resources arrive in the cgroup', () => {
  const asked = { Memory: 52428800, NanoCpus: 5e8, PidsLimit: 30 };
  const files =
    host.cgroupVersion === 2
      ? 'cat memory.max pids.max; cat cpu.max'
      : 'cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us';
  expect(run(`cd /sys/fs/cgroup && ${files}`, asked)).toBe(
    `52428800\n30\n${host.cgroupVersion === 2 ? '50000 100000' : '50000'}`,
  );
});

test('kernel settings of its own namespaces only', () => {
  const settings = { 'kernel.msgmax': '1000', 'net/core/somaxconn': '77' };
  expect(run('cat /proc/sys/kernel/msgmax /proc/sys/net/core/somaxconn', { Sysctls: settings })).toBe('1000\n77');
  const refuse = (name: string, asked: Partial<HostConfig> = {}): (() => unknown) => {
    return () => specFor({ Cmd: ['true'] }, { ...asked, Sysctls: { [name]: '1' } });
  };
  expect(refuse('kernel.pid_max')).toThrow('sysctl "kernel.pid_max" is not in a separate kernel namespace');
  expect(refuse('vm/swappiness')).toThrow('sysctl "vm.swappiness" is not in a separate kernel namespace');
  expect(refuse('net.core.somaxconn', { NetworkMode: 'host' })).toThrow('not allowed in host network namespace');
});

test('the same input gives the same specification', () => {
  const config = { Cmd: ['true'], Env: ['A=1', 'PATH=/bin'] };
  expect(encodeOci(specFor(config, {}))).toBe(encodeOci(specFor(config, {})));
  expect(specFor({ ...config, Tty: true }, {}).process.env).toEqual([
    'PATH=/bin',
    'HOSTNAME=box',
    'TERM=xterm',
    'A=1',
    'HOME=/root',
  ]);
});
