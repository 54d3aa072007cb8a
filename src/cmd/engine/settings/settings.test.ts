import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineHelp } from './help.ts';
import { settingsPage } from './page.ts';
import { readSettings } from './read.ts';
import { allSettings } from './table.ts';

const directory = mkdtempSync(join(tmpdir(), 'estiba-settings-'));
const path = join(directory, 'daemon.json');
afterAll(() => rmSync(directory, { recursive: true }));

/** Settings from a file's text and flags. */
function read(file: string, ...flags: readonly string[]) {
  writeFileSync(path, file);
  return readSettings(['--config-file', path, ...flags]);
}

test('the page in docs tells what the table tells; bun src/cmd/engine/settings/page.ts prints it anew', () => {
  expect(readFileSync(join(import.meta.dir, '../../../../docs/engine-settings.md'), 'utf8')).toBe(settingsPage());
});

test('every flag is in the help', () => {
  for (const { flag } of allSettings) if (flag !== undefined) expect(engineHelp()).toContain(`--${flag} `);
});

test('a daemon.json as people have it', () => {
  const settings = read(`{
    "debug": true, "labels": ["zone=a"], "log-opts": {"max-size": "5m"}, "dns": ["1.1.1.1"], "mtu": 1400,
    "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 2048}}, "default-shm-size": "128M",
    "insecure-registries": ["10.0.0.0/8"], "registry-mirrors": ["https://mirror.test"], "live-restore": false,
    "exec-opts": ["native.cgroupdriver=cgroupfs"], "storage-driver": "overlay2", "features": {"buildkit": true},
    "builder": {"gc": {"enabled": true}}, "init": true, "max-concurrent-downloads": 7, "bip": null,
    "default-address-pools": [{"base": "10.10.0.0/16", "size": 24}], "ipv6": true, "fixed-cidr-v6": "fd00::/80",
    "default-network-opts": {"bridge": {"com.docker.network.driver.mtu": "1400"}}
  }`);
  expect(settings).toMatchObject({
    logLevel: 'debug',
    labels: ['zone=a'],
    networks: {
      bridge: { mtu: 1400, enableIpv6: true, rangeV6: 'fd00::/80' },
      addressPools: [{ base: '10.10.0.0/16', size: 24 }],
      driverOptions: { bridge: { 'com.docker.network.driver.mtu': '1400' } },
    },
    liveRestore: false,
    insecureRegistries: ['10.0.0.0/8'],
    transfers: { downloads: 7, uploads: 5, attempts: 5 },
    containers: {
      shmBytes: 128 * 1024 * 1024,
      init: true,
      dns: ['1.1.1.1'],
      logOptions: { 'max-size': '5m' },
      ulimits: [{ Name: 'nofile', Soft: 1024, Hard: 2048 }],
    },
  });
});

test('image-gc: watermarks of either kind, with what holds when the rest is not said', () => {
  const hour = 3600_000;
  const full = '{"high":"85%","low":"70%","keep-last":2,"pinned":["debian:*"],"min-age":"90m"}';
  const share = {
    high: { percent: 85 },
    low: { percent: 70 },
    keepLast: 2,
    pinned: ['debian:*'],
    minAgeMs: 1.5 * hour,
  };
  expect(read(`{"image-gc":${full}}`).imageGc).toEqual(share);
  const bytes = {
    high: { bytes: 20 * 1024 ** 3 },
    low: { bytes: 18 * 1024 ** 3 },
    keepLast: 0,
    pinned: [],
    minAgeMs: hour,
  };
  expect(read('{"image-gc":{"high":"20g"}}').imageGc).toEqual(bytes);
  expect(read('{}').imageGc).toBeUndefined();
});

test('flags in all their forms', () => {
  const flags = '-H unix:///a -Hunix:///b --host=unix:///c -lwarn --init --userland-proxy=false --log-opt a=b=c';
  const settings = readSettings([...flags.split(' '), '--default-ulimit', 'nofile=1:2', '--default-ulimit=core=0']);
  expect(settings).toMatchObject({ hosts: ['unix:///a', 'unix:///b', 'unix:///c'], logLevel: 'warn' });
  expect(settings.containers).toMatchObject({ init: true, logOptions: { a: 'b=c' } });
  expect(settings.containers.ulimits).toEqual([
    { Name: 'nofile', Soft: 1, Hard: 2 },
    { Name: 'core', Soft: 0, Hard: 0 },
  ]);
  expect(readSettings(['-dD', '-p', '/x'])).toMatchObject({ detach: true, logLevel: 'debug', pidFile: '/x' });
});

describe('refused', () => {
  test.each([
    ['{"nope":1,"x":2}', "the following directives don't match any configuration option: nope, x"],
    ['{"containerd":"/x"}', 'the following directives are not supported: containerd (there is no containerd)'],
    ['{"debug":"yes"}', 'invalid JSON: json: cannot unmarshal string into Go struct field Config.debug of type bool'],
    ['{"hosts":"x"}', 'invalid JSON: json: cannot unmarshal string into Go struct field Config.hosts of type []string'],
    ['{"features":{"a":"b"}}', 'cannot unmarshal string into Go struct field Config.features.a of type bool'],
    ['{"image-gc":{"low":"5g"}}', 'image-gc.high: it is needed'],
    ['{"image-gc":{"high":"101%"}}', 'image-gc.high: 101% is more than all there is'],
    ['{"image-gc":{"high":"80%","low":"5g"}}', 'image-gc.low: it must be of the same kind as high'],
    ['{"image-gc":{"high":"80%","low":"90%"}}', 'image-gc.low: it must not be more than high'],
    ['{"image-gc":{"high":"80%","keep":1}}', 'image-gc.keep: not supported'],
    ['{"image-gc":{"high":"80%","min-age":"x"}}', 'image-gc.min-age: a duration'],
    ['{"image-gc":"80%"}', 'Config.image-gc of type config.ImageGCConfig'],
    ['{"mtu":1.5}', 'cannot unmarshal number 1.5 into Go struct field Config.mtu of type int'],
    ['{', 'invalid JSON: '],
    ['[]', 'invalid JSON: '],
    ['{"default-shm-size":"x"}', "invalid size: 'x'"],
    ['{"runtimes":{"x":{"runtimeType":"y"}}}', 'runtimes.x.runtimeType is not supported'],
    ['{"runtimes":{"x":{}}}', 'Config.runtimes.x.path'],
    ['{"default-ulimits":{"bad":{"Soft":1,"Hard":1}}}', 'invalid ulimit type: bad'],
    ['{"default-ulimits":{"core":{"Soft":3,"Hard":1}}}', 'less than or equal to hard limit: 3 > 1'],
  ])('%s in the file', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test.each([
    ['{"log-level":"bogus"}', 'invalid logging level: bogus'],
    ['{"log-format":"xml"}', 'invalid log format: xml'],
    ['{"mtu":-5}', 'invalid default MTU: -5'],
    ['{"labels":["a"]}', 'bad attribute format: a'],
    ['{"labels":["a=1","a=2"]}', 'conflict labels for a=2 and a=1'],
    ['{"dns":["x"]}', 'invalid IP address: x'],
    ['{"dns-search":["x y"]}', 'x y is not a valid domain'],
    ['{"bip":"x"}', 'invalid CIDR address: x'],
    ['{"max-concurrent-downloads":-1}', 'invalid max concurrent downloads: -1'],
    ['{"default-ipc-mode":"bogus"}', 'default IPC mode setting (bogus) is invalid; use "shareable" or "private"'],
    ['{"default-cgroupns-mode":"x"}', 'invalid default cgroup namespace (x): use "host" or "private"'],
    [
      '{"registry-mirrors":["x"]}',
      `invalid mirror: no scheme specified for "x": must use either 'https://' or 'http://'`,
    ],
    ['{"default-runtime":"nope"}', "specified default runtime 'nope' does not exist"],
    ['{"hosts":["tcp://0.0.0.0:2375"]}', 'served only with --tlsverify'],
    ['{"hosts":["tcp://[::]:2375"], "tls": true}', 'served only with --tlsverify'],
    ['{"hosts":["http://x"]}', 'invalid bind address (http://x)'],
    ['{"seccomp-profile":"/nowhere"}', 'opening seccomp profile (/nowhere) failed'],
    ['{"iptables":false}', 'iptables: false is not supported'],
    ['{"fixed-cidr":"10.0.0.0/33"}', 'invalid CIDR address: 10.0.0.0/33'],
    ['{"bip6":"fd00::1/64"}', 'bip6 needs ipv6'],
    ['{"ip":"x"}', 'invalid IP address: x'],
    ['{"default-address-pools":[{"base":"10.0.0.0/8","size":7}]}', 'invalid pool size 7 for base pool 10.0.0.0/8'],
    ['{"default-address-pools":[{"base":"x","size":24}]}', 'invalid base pool "x"'],
    ['{"default-address-pools":[{"base":"10.0.0.0/8","size":24.5}]}', 'cannot unmarshal number 24.5 into Go struct'],
    ['{"default-address-pools":{}}', 'cannot unmarshal object into Go struct field Config.default-address-pools'],
    ['{"default-network-opts":{"bridge":{"a":1}}}', 'Config.default-network-opts.bridge.a of type string'],
    ['{"storage-driver":"btrfs"}', 'storage-driver: btrfs is not supported'],
    ['{"exec-opts":["native.cgroupdriver=systemd"]}', 'the cgroup driver is cgroupfs'],
    ['{"features":{"containerd-snapshotter":true}}', 'features: containerd-snapshotter is not supported'],
    ['{"shutdown-timeout":-2}', 'invalid shutdown timeout: -2'],
    ['{"metrics-addr":"x:y"}', 'invalid bind address'],
  ])('%s by its value', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test.each([
    [['--nope'], 'unknown flag: --nope'],
    [['--containerd', 'x'], '--containerd is not supported: there is no containerd'],
    [['--storage-opt', 'x'], '--storage-opt is not supported'],
    [['-X'], "unknown shorthand flag: 'X' in -X"],
    [['--mtu'], 'flag needs an argument: --mtu'],
    [['--mtu', 'x'], 'invalid argument "x" for "--mtu" flag: strconv.ParseInt: parsing "x": invalid syntax'],
    [['--init=maybe'], 'strconv.ParseBool: parsing "maybe": invalid syntax'],
    [['--default-address-pool', 'base=x'], 'invalid address pool: base=x'],
    [['extra'], 'takes no arguments'],
    [['--config-file', '/nowhere/x'], 'open /nowhere/x: no such file or directory'],
  ])('%p on the command line', (flags, message) => {
    expect(() => readSettings(flags)).toThrow(message);
  });

  test('what flag and file both say, and it is told where each is from', () => {
    expect(() => read('{"debug":true,"dns":["1.1.1.1"]}', '--debug', '--dns', '8.8.8.8')).toThrow(
      'both as a flag and in the configuration file: debug: (from flag: true, from file: true), dns: (from flag: [8.8.8.8], from file: [1.1.1.1])',
    );
    const log = read.bind(undefined, '{"log-opts":{"a":"b"}}', '--log-opt', 'max-size=1m');
    expect(log).toThrow('log-opts: (from flag: map[max-size:1m], from file: map[a:b])');
  });
});
