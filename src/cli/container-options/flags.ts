import { capabilityNames } from '#api';
import { fail } from '#std/errors';
import { integer, list, text, toggle, unsigned } from '../grammar/flag.ts';
import { checkExtraHost, checkLink, checkNameServer, checkSearchDomain } from '../values/addresses.ts';
import { duration } from '../values/durations.ts';
import { gpusFlag } from '../values/gpus.ts';
import { environmentFlag, labelFlag, pairs, sysctlFlag } from '../values/key-values.ts';
import { mountFlag } from '../values/mounts.ts';
import { networkFlag } from '../values/networks.ts';
import { platformFlag } from '../values/platforms.ts';
import {
  bytesRateFlag,
  deviceRuleFlag,
  operationsRateFlag,
  restartPolicies,
  ulimitFlag,
  weightFlag,
} from '../values/resources.ts';
import { bytes } from '../values/sizes.ts';
import { changeableLimits } from './changeable-limits.ts';

const capabilities = ['ALL', ...capabilityNames.map((name) => name.replace(/^CAP_/, ''))];

const streamNames = ['stdin', 'stdout', 'stderr'];

/** What `--pull` may be. */
export const pullPolicies: readonly string[] = ['always', 'missing', 'never'];

const process = {
  attach: list('Connect to stdin, stdout or stderr alone', { short: 'a', completes: streamNames }, (value) => {
    const stream = value.toLowerCase();
    if (streamNames.includes(stream)) return stream;
    throw fail('invalid-argument', 'valid streams are STDIN, STDOUT and STDERR');
  }),
  entrypoint: text('Program to run in the place of that of the image'),
  env: environmentFlag(),
  'env-file': list('Read environment variables from a file', { completes: 'file' }),
  'group-add': list('Add the process to more groups'),
  init: toggle('Run a small init as process 1 that passes signals on and reaps processes'),
  interactive: toggle('Keep standard input open', { short: 'i' }),
  'stop-signal': text('Signal that stops the container', { completes: 'signal' }),
  'stop-timeout': integer('Seconds from the stop signal to the kill'),
  tty: toggle('Give the process a terminal', { short: 't' }),
  user: text('User and group to run as (name or number, each: user[:group])', { short: 'u' }),
  workdir: text('Working directory', { short: 'w' }),
};

const identity = {
  annotation: pairs('Add an annotation, passed on to the OCI runtime'),
  cidfile: text('Write the container ID to a file', { completes: 'file' }),
  domainname: text('NIS domain name'),
  hostname: text('Host name', { short: 'h' }),
  label: labelFlag('Set a label (name=value)', { short: 'l' }),
  'label-file': list('Read labels from a file', { completes: 'file' }),
  name: text('Name of the container'),
  platform: platformFlag('Platform of the image, for images of several'),
  pull: text('Fetch the image first: always, missing or never', {
    initial: 'missing',
    shownDefault: '"missing"',
    completes: pullPolicies,
  }),
  quiet: toggle('No progress of a pull', { short: 'q' }),
  'disable-content-trust': toggle('Skip the verification of the image', { initial: true }),
};

const network = {
  'add-host': list('Add a line to /etc/hosts (name:ip, or name:host-gateway)', {}, checkExtraHost),
  dns: list('DNS servers', {}, checkNameServer),
  'dns-option': list('Options of the resolver'),
  'dns-opt': list('Options of the resolver', { hidden: true }),
  'dns-search': list('Search domains', {}, checkSearchDomain),
  expose: list('Expose a port or a range of ports'),
  ip: text('IPv4 address (10.0.0.2)'),
  ip6: text('IPv6 address (2001:db8::2)'),
  link: list('Link to another container (name[:alias])', { completes: 'container' }, checkLink),
  'link-local-ip': list('Link-local addresses'),
  'mac-address': text('MAC address (92:d0:c6:0a:29:33)'),
  network: networkFlag('Network to join, or host, none, container:NAME'),
  net: networkFlag('Network to join', { hidden: true }),
  'network-alias': list('More names for the container in its network'),
  'net-alias': list('More names for the container in its network', { hidden: true }),
  publish: list('Publish a port or a range ([[ip:]host:]container[/protocol])', { short: 'p' }),
  'publish-all': toggle("Publish all exposed ports to ports of the engine's choice", { short: 'P' }),
};

const storage = {
  mount: mountFlag('Mount a file system (type=bind|volume|tmpfs,src=...,dst=...,readonly)'),
  'read-only': toggle('Mount the root file system read-only'),
  'storage-opt': list('Options of the storage driver'),
  tmpfs: list('Mount an empty file system in memory (path[:options])'),
  volume: list('Mount a folder or volume ([source:]path[:options])', { short: 'v', completes: 'volume-source' }),
  'volume-driver': text('Driver of the volumes', { completes: 'volume-driver' }),
  'volumes-from': list('Mount the volumes of other containers (name[:ro])', { completes: 'container' }),
};

const limits = {
  ...changeableLimits,
  'blkio-weight-device': weightFlag('Relative weight of block I/O on a device (path:weight)'),
  'cgroup-parent': text("Cgroup in which the container's is made"),
  'cpu-count': integer('Number of processors (Windows only)'),
  'cpu-percent': integer('Share of the processors (Windows only)'),
  'device-read-bps': bytesRateFlag('Limit reading from a device, in bytes a second (path:rate)'),
  'device-read-iops': operationsRateFlag('Limit reading from a device, in operations a second (path:rate)'),
  'device-write-bps': bytesRateFlag('Limit writing to a device, in bytes a second (path:rate)'),
  'device-write-iops': operationsRateFlag('Limit writing to a device, in operations a second (path:rate)'),
  'io-maxbandwidth': bytes('Limit of bandwidth (Windows only)'),
  'io-maxiops': unsigned('Limit of operations (Windows only)'),
  'kernel-memory': bytes('No longer has an effect'),
  'memory-swappiness': integer('How readily memory is swapped, 0 to 100'),
  'oom-kill-disable': toggle('Do not kill processes when the limit of memory is hit'),
  'oom-score-adj': integer('How likely it is killed when the host runs out of memory, -1000 to 1000'),
  'shm-size': bytes('Size of /dev/shm'),
  ulimit: ulimitFlag('Limits of processes (name=soft[:hard])'),
};

const isolation = {
  'cap-add': list('Add capabilities', { completes: capabilities }),
  'cap-drop': list('Drop capabilities', { completes: capabilities }),
  cgroupns: text('Cgroup namespace: host or private', { completes: ['host', 'private'] }),
  device: list('Give access to a device (path[:path inside][:rwm])', { completes: 'file' }),
  'device-cgroup-rule': deviceRuleFlag('Allow devices by rule ("c 42:* rmw")'),
  gpus: gpusFlag('Graphics processors: all, a number, or device=ID'),
  ipc: text('IPC namespace: none, private, shareable, host, container:NAME', {
    completes: ['none', 'private', 'shareable', 'host', 'container:'],
  }),
  isolation: text('Kind of isolation', { completes: ['default'] }),
  pid: text('PID namespace: host, container:NAME', { completes: ['host', 'container:'] }),
  privileged: toggle('All devices and capabilities, no confinement'),
  runtime: text('OCI runtime', { completes: 'runtime' }),
  'security-opt': list('Security options', {
    completes: ['no-new-privileges', 'seccomp=', 'seccomp=unconfined', 'apparmor=', 'label=', 'systempaths=unconfined'],
  }),
  sysctl: sysctlFlag('Kernel parameters of its namespaces'),
  userns: text('User namespace: host', { completes: ['host'] }),
  'use-api-socket': toggle('Give the container the socket of the API, and the credentials for registries'),
  uts: text('UTS namespace: host', { completes: ['host'] }),
};

const life = {
  'health-cmd': text('Command that checks its health'),
  'health-on-failure': text('What to do with a container that is unhealthy: restart, stop, kill or none', {
    completes: ['none', 'restart', 'stop', 'kill'],
  }),
  'health-interval': duration('Time between two checks (ms|s|m|h)'),
  'health-retries': integer('Failed checks in a row that make it unhealthy'),
  'health-start-interval': duration('Time between two checks while it starts up'),
  'health-start-period': duration('Time to start up, in which a failed check does not count'),
  'health-timeout': duration('Time that a check may take'),
  'log-driver': text('Driver of its logs', { completes: 'log-driver' }),
  'log-opt': list('Options of the log driver'),
  'no-healthcheck': toggle('No health check, whatever the image says'),
  restart: text('When to start it again: no, on-failure[:count], always, unless-stopped', {
    initial: 'no',
    shownDefault: '"no"',
    completes: restartPolicies,
  }),
  rm: toggle('Remove the container and its anonymous volumes when it ends'),
};

/** The flags that say what container is meant, for `run` and `create`. */
export const containerFlags = { ...process, ...identity, ...network, ...storage, ...limits, ...isolation, ...life };

export type ContainerFlags = typeof containerFlags;
