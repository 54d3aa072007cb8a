import { expect, test } from 'bun:test';
import type { ContainerConfig, HostConfig } from '#api';
import { capabilityNames } from '#api';
import { fail, kindOf } from '#std/errors';
import { completeHostConfig } from '../create/host-defaults.ts';
import { mergeConfig } from '../create/merge.ts';
import type { HostFacts } from './host.ts';
import { validateCreation } from './validate.ts';
import { parseNumberList } from './validate-resources.ts';

const host: HostFacts = {
  cgroupVersion: 1,
  machines: ['x86_64', 'x86'],
  kernel: '6.1.0',
  capabilities: capabilityNames,
  limits: {},
  processorCount: 2,
  onlineProcessors: '0-1',
  memoryNodes: '0',
  blockWeight: false,
  blockDeviceWeight: false,
  swapLimit: true,
  realtimeSchedule: true,
  pingGroups: true,
  unprivilegedPorts: true,
  recursiveReadOnly: true,
};

function check(hostConfig: object, config: Partial<ContainerConfig> = {}, facts: Partial<HostFacts> = {}): string[] {
  const complete: HostConfig = completeHostConfig(hostConfig, facts.cgroupVersion ?? 1);
  return validateCreation({
    config: mergeConfig(config, {}),
    hostConfig: complete,
    endpoints: {},
    askedHostname: config.Hostname ?? '',
    networks: { find: () => undefined, endpointFaults: () => [] },
    host: { ...host, ...facts },
    runtimes: ['crun'],
    checkContainer: (name) => {
      throw fail('not-found', `No such container: ${name}`);
    },
  });
}

const refused: [hostConfig: object, message: string][] = [
  [{ Memory: 1_000_000 }, 'Minimum memory limit allowed is 6MB'],
  [{ Memory: -1 }, 'Minimum memory limit allowed is 6MB'],
  [{ Memory: 1e7, MemorySwap: 9e6 }, 'Minimum memoryswap limit should be larger than memory limit, see usage'],
  [{ MemorySwap: 9e6 }, 'You should always set the Memory limit when using Memoryswap limit, see usage'],
  [
    { Memory: 1e7, MemoryReservation: 2e7 },
    'Minimum memory limit can not be less than memory reservation limit, see usage',
  ],
  [{ MemoryReservation: 100 }, 'Minimum memory reservation allowed is 6MB'],
  [{ MemorySwappiness: 101 }, 'Invalid value: 101, valid memory swappiness range is 0-100'],
  [{ NanoCpus: 3e9 }, 'range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available'],
  [{ NanoCpus: 5e8, CpuQuota: 1000 }, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
  [{ NanoCpus: 5e8, CpuPeriod: 1000 }, 'Conflicting options: Nano CPUs and CPU Period cannot both be set'],
  [{ CpuPeriod: 10 }, 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)'],
  [{ CpuQuota: 10 }, 'CPU cfs quota can not be less than 1ms (i.e. 1000)'],
  [{ CpuShares: -1 }, 'invalid CPU shares (-1): value must be a positive integer'],
  [{ CpusetCpus: '9' }, 'Requested CPUs are not available - requested 9, available: 0-1'],
  [{ CpusetCpus: '1-0' }, 'Invalid value 1-0 for cpuset cpus: invalid format: 1-0'],
  [{ CpusetMems: '5' }, 'Requested memory nodes are not available - requested 5, available: 0'],
  [{ OomScoreAdj: 2000 }, 'Invalid value 2000, range for oom score adj is [-1000, 1000]'],
  [{ ShmSize: -1 }, 'SHM size can not be less than 0'],
  [{ IOMaximumIOps: 1 }, 'invalid option: QoS maximum IOPs configuration is not supported on linux'],
  [{ Isolation: 'hyperv' }, "invalid isolation (hyperv): linux only supports 'default'"],
  [{ PidMode: 'foo' }, 'invalid PID mode: foo'],
  [{ PidMode: 'container:' }, 'invalid PID mode: container:'],
  [{ PidMode: 'container:nope' }, 'No such container: nope'],
  [{ IpcMode: 'foo' }, 'invalid IPC mode: foo'],
  [{ UTSMode: 'foo' }, 'invalid UTS mode: foo'],
  [{ CgroupnsMode: 'foo' }, 'invalid cgroup namespace mode: foo'],
  [{ Runtime: 'foo' }, 'unknown or invalid runtime name: foo'],
  [
    { RestartPolicy: { Name: 'foo' } },
    "invalid restart policy: unknown policy 'foo'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
  ],
  [
    { RestartPolicy: { Name: 'always', MaximumRetryCount: 3 } },
    "invalid restart policy: maximum retry count can only be used with 'on-failure'",
  ],
  [
    { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: -3 } },
    'invalid restart policy: maximum retry count cannot be negative',
  ],
  [{ AutoRemove: true, RestartPolicy: { Name: 'always' } }, "can't create 'AutoRemove' container with restart policy"],
  [{ CapAdd: ['FOO'] }, 'invalid CapAdd: unknown capability: "CAP_FOO"'],
  [{ SecurityOpt: ['foo'] }, 'invalid --security-opt 1: "foo"'],
  [{ SecurityOpt: ['foo=bar'] }, 'invalid --security-opt 2: "foo=bar"'],
  [{ SecurityOpt: ['no-new-privileges:maybe'] }, 'invalid --security-opt 2: "no-new-privileges:maybe"'],
  [{ ExtraHosts: ['foo'] }, 'bad format for add-host: "foo"'],
  [{ ExtraHosts: ['foo:bar'] }, 'invalid IP address in add-host: "bar"'],
  [{ PortBindings: { '80/tcp': [{ HostIp: '', HostPort: 'x' }] } }, 'invalid port specification: "x"'],
  [{ PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '-1' }] } }, 'invalid port specification: "-1"'],
  [{ PortBindings: { '99999/tcp': null } }, 'invalid port specification: "99999"'],
  [{ NetworkMode: 'container:' }, 'invalid network mode: invalid container format container:<name|id>'],
  [{ StorageOpt: { size: '1G' } }, "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"],
  [{ Annotations: { '': 'x' } }, 'invalid Annotations: the empty string is not permitted as an annotation key'],
];

test.each(refused)('refused: %j', (hostConfig, message) => {
  expect(() => check(hostConfig)).toThrow(new Error(message));
});

const refusedConfigs: [config: Partial<ContainerConfig>, hostConfig: object, message: string][] = [
  [{ WorkingDir: 'foo' }, {}, "the working directory 'foo' is invalid, it needs to be an absolute path"],
  [{ Env: ['=x'] }, {}, 'invalid environment variable: =x'],
  [{ StopSignal: 'FOO' }, {}, 'invalid signal: FOO'],
  [{ Healthcheck: { Interval: 5 } }, {}, 'Interval in Healthcheck cannot be less than 1ms'],
  [{ Healthcheck: { Retries: -1 } }, {}, 'Retries in Healthcheck cannot be negative'],
  [{ Hostname: 'x' }, { UTSMode: 'host' }, 'conflicting options: hostname and the UTS mode'],
  [{ Hostname: 'x' }, { NetworkMode: 'container:y' }, 'conflicting options: hostname and the network mode'],
];

test.each(refusedConfigs)('refused: %j with %j', (config, hostConfig, message) => {
  expect(() => check(hostConfig, config)).toThrow(new Error(message));
});

test('kinds: a wrong argument, also where Docker calls it its own failure', () => {
  const kind = (hostConfig: object): string => {
    try {
      check(hostConfig);
      return 'accepted';
    } catch (error) {
      return kindOf(error);
    }
  };
  expect(kind({ Memory: 1 })).toBe('invalid-argument');
  expect(kind({ PidMode: 'container:nope' })).toBe('invalid-argument');
  expect(kind({ SecurityOpt: ['foo'] })).toBe('invalid-argument');
});

test('warnings for what this host does not have', () => {
  expect(check({})).toEqual([]);
  expect(check({ BlkioWeight: 5 })).toEqual([
    'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
  ]);
  expect(() => check({ BlkioWeight: 5 }, {}, { blockWeight: true })).toThrow(
    'Range of blkio weight is from 10 to 1000',
  );
  expect(check({ OomKillDisable: true })[0]).toStartWith(
    'OOM killer is disabled for the container, but no memory limit',
  );
  expect(check({ OomKillDisable: true }, {}, { cgroupVersion: 2 })).toEqual([
    'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
  ]);
  expect(check({ Memory: 1e7, MemorySwap: 2e7 }, {}, { swapLimit: false })[0]).toContain(
    'Memory limited without swap.',
  );
  expect(check({ NetworkMode: 'host', PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '1' }] } })).toEqual([
    'Published ports are discarded when using host network mode',
  ]);
});

test('lists of numbers', () => {
  expect([...(parseNumberList('0-2,7') ?? [])]).toEqual([0, 1, 2, 7]);
  for (const text of ['', '0,', 'x', '0-', '2-1', '-1']) expect(parseNumberList(text)).toBeUndefined();
});
