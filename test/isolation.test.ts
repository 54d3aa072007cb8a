import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupFile, isCgroupFirst, startEngine, type TestEngine, until } from './harness/index.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** What a script prints in a container with these flags; the script's failure is no error. */
async function inside(script: string, ...flags: string[]): Promise<string> {
  const { stdout, stderr } = await engine.docker('run', '--rm', ...flags, 'busybox', 'sh', '-c', script);
  return `${stdout}${stderr}`.trim();
}

async function status(field: string, ...flags: string[]): Promise<string> {
  return (await inside(`grep ^${field}: /proc/self/status`, ...flags)).replace(/^\w+:\s*/, '');
}

const defaultCapabilities = '00000000a80425fb';

test('capabilities: the fourteen of Docker, less, more, all', async () => {
  expect(await status('CapEff')).toBe(defaultCapabilities);
  expect(await status('CapBnd')).toBe(defaultCapabilities);
  expect(await status('CapInh')).toBe('0000000000000000');
  expect(await status('CapEff', '--cap-drop', 'ALL')).toBe('0000000000000000');
  expect(await status('CapEff', '--cap-drop', 'ALL', '--cap-add', 'CHOWN')).toBe('0000000000000001');
  expect(await status('CapEff', '--cap-add', 'NET_ADMIN')).toBe('00000000a80435fb');
  expect(await status('CapEff', '-u', '1000')).toBe('0000000000000000');
  const all = await status('CapEff', '--privileged');
  // An engine that has not all capabilities itself cannot give all.
  const ours = BigInt(`0x${/^CapBnd:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`);
  expect(BigInt(`0x${all}`)).toBe(ours);
});

test('seccomp: a filter is there, and it blocks what Docker blocks', async () => {
  expect(await status('Seccomp')).toBe('2');
  expect(await status('Seccomp', '--security-opt', 'seccomp=unconfined')).toBe('0');
  expect(await status('Seccomp', '--privileged')).toBe('0');
  // Needs no capability: only the filter says no.
  expect(await inside('unshare -U true && echo passed')).toContain('Operation not permitted');
  expect(await inside('unshare -U true && echo passed', '--security-opt', 'seccomp=unconfined')).toBe('passed');
  expect(await inside('mount -t tmpfs none /tmp && echo passed', '--cap-add', 'SYS_ADMIN')).toBe('passed');
  expect(await inside('mount -t tmpfs none /tmp && echo passed')).not.toContain('passed');
  const profile = join(engine.root, 'profile.json');
  const rule = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 };
  writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }));
  const own = ['--security-opt', `seccomp=${profile}`];
  expect(await inside('mkdir /x 2>&1; unshare -U true && echo passed', ...own)).toMatch(/not implemented\npassed$/);
});

test('no new privileges when asked', async () => {
  expect(await status('NoNewPrivs')).toBe('0');
  expect(await status('NoNewPrivs', '--security-opt', 'no-new-privileges')).toBe('1');
});

test('kernel files are masked or read-only', async () => {
  expect(await inside('wc -c < /proc/kcore; ls /proc/acpi /proc/scsi 2>/dev/null | grep -vc :')).toMatch(/^0\n/);
  expect(await inside('cat /proc/timer_list | wc -c; cat /proc/keys | wc -c')).toBe('0\n0');
  expect(await inside('echo 1 > /proc/sys/kernel/panic')).toContain('Read-only file system');
  expect(await inside('echo h > /proc/sysrq-trigger && echo passed')).not.toContain('passed');
  expect(await inside('mkdir /sys/fs/cgroup/mine 2>&1; touch /sys/x 2>&1')).toContain('Read-only file system');
  expect(await inside('ls /sys/firmware | wc -l')).toBe('0');
});

test('namespaces of its own, unless the host’s are asked for', async () => {
  const list = async (...flags: string[]): Promise<Map<string, string>> => {
    const text = await inside('for n in mnt pid net ipc uts; do echo $n $(readlink /proc/self/ns/$n); done', ...flags);
    return new Map(text.split('\n').map((line) => line.split(' ') as [string, string]));
  };
  const host = (name: string): string => readlinkSync(`/proc/${engine.pid()}/ns/${name}`);
  const own = await list();
  for (const name of ['mnt', 'pid', 'net', 'ipc', 'uts']) expect(own.get(name)).not.toBe(host(name));
  const shared = await list('--pid', 'host', '--net', 'host', '--ipc', 'host', '--uts', 'host');
  for (const name of ['pid', 'net', 'ipc', 'uts']) expect(shared.get(name)).toBe(host(name));
  expect(shared.get('mnt')).not.toBe(host('mnt'));
});

test('it is alone: pid 1, few processes, few devices, no path to the host’s', async () => {
  expect(await inside('echo $$; ls -d /proc/[0-9]* | wc -l')).toMatch(/^1\n[23]$/);
  const devices = (await inside('cd /dev; ls')).split('\n').sort();
  // A link that runtimes make where the kernel has a /proc/kcore.
  if (devices.includes('core')) devices.splice(devices.indexOf('core'), 1);
  const expected = ['fd', 'full', 'mqueue', 'null', 'ptmx', 'pts', 'random', 'shm', 'stderr', 'stdin', 'stdout', 'tty'];
  expect(devices).toEqual([...expected, 'urandom', 'zero'].sort());
  expect(await inside('mknod /tmp/disk b 8 0 && cat /tmp/disk >/dev/null && echo passed')).not.toContain('passed');
  expect(await inside('cat /proc/mounts')).not.toContain(engine.execRoot);
});

test('memory: the kernel kills what takes more, and inspect says so', async () => {
  const hog = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'];
  const flags = ['--memory', '32m', '--memory-swap', '32m', '--name', 'hungry'];
  expect((await engine.docker('run', ...flags, 'busybox', ...hog)).code).toBe(137);
  expect(await engine.dockerOk('inspect', '-f', '{{.State.OOMKilled}} {{.State.ExitCode}}', 'hungry')).toBe('true 137');
  await engine.dockerOk('rm', 'hungry');
  expect((await engine.docker('run', '--rm', 'busybox', ...hog)).code).toBe(0);
});

test('pids: no more than the limit', async () => {
  const script = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; echo all';
  const limited = await inside(script, '--pids-limit', '8');
  expect(limited).not.toContain('all');
  expect(limited).toMatch(/can't fork|Resource temporarily unavailable/);
  expect(await inside(script)).toContain('all');
});

test('cpu: a tenth of a processor, and who wants more is throttled, also on a busy host', async () => {
  const id = await engine.dockerOk('run', '-d', '--cpus', '0.1', 'busybox', 'sh', '-c', 'while :; do :; done');
  const read = (first: string, second: string) => cgroupFile(engine, id, 'cpu', { first, second });
  const period = isCgroupFirst() ? await read('cpu.cfs_period_us', '') : '';
  expect(`${await read('cpu.cfs_quota_us', 'cpu.max')} ${period}`.trim()).toBe('10000 100000');
  const throttled = async (): Promise<boolean> =>
    Number(/nr_throttled (\d+)/.exec(await read('cpu.stat', 'cpu.stat'))?.[1]) > 0;
  await until('throttling', throttled);
  await engine.dockerOk('rm', '-f', id);
});

test('a read-only container writes nowhere but where it may', async () => {
  const script = 'touch /x 2>&1; touch /scratch/y && echo there';
  const said = await inside(script, '--read-only', '--tmpfs', '/scratch:size=1m');
  expect(said).toContain('Read-only file system');
  expect(said).toContain('there');
});

test('sysctls of its own namespaces', async () => {
  const flag = 'net.ipv4.ip_unprivileged_port_start=80';
  expect(await inside('cat /proc/sys/net/ipv4/ip_unprivileged_port_start', '--sysctl', flag)).toBe('80');
  expect(await inside('true', '--sysctl', 'kernel.panic=1')).not.toBe('');
  const missing = await inside('true', '--sysctl', 'net.ipv4.no_such_setting=1');
  expect(missing).toContain('open /proc/sys/net/ipv4/no_such_setting: no such file or directory');
});
