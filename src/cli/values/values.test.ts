import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { humanDuration, parseDurationNs } from '#std/duration';
import { printBinarySize, printSize } from '#std/sizes';
import { csvFields } from './csv.ts';
import { toFilters } from './filters.ts';
import { readKeyValueFile, resolveEnvironment, toRecord } from './key-values.ts';
import { parseMount, parseVolumes } from './mounts.ts';
import { parseNetwork } from './networks.ts';
import { parsePorts } from './ports.ts';
import { familiarName, parseImageName } from './references.ts';
import { parseDevice, parseRestartPolicy, parseUlimit } from './resources.ts';
import { parseBytes } from './sizes.ts';
import { apiTimestamp } from './timestamps.ts';

const folder = mkdtempSync(join(tmpdir(), 'estiba-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('sizes', () => {
  test.each([
    ['0', 0],
    ['512', 512],
    ['64k', 65_536],
    ['1.5GB', 1_610_612_736],
    ['2GiB', 2_147_483_648],
    ['10 m', 10_485_760],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  test.each(['abc', '', '-1', '1x', '1.2.3'])('%s is no size', (text) => {
    expect(() => parseBytes(text)).toThrow(`invalid size: '${text}'`);
  });

  test('are printed with their significant digits', () => {
    expect(printSize(0, 3)).toBe('0B');
    expect(printSize(1_984_000, 3)).toBe('1.98MB');
    expect(printSize(1_984_000)).toBe('1.984MB');
    expect(printSize(436_700_000, 3)).toBe('437MB');
    expect(printSize(999_999, 3)).toBe('1000kB');
    expect(printBinarySize(25_276_026_880)).toBe('23.54GiB');
  });
});

describe('durations', () => {
  test.each([
    ['1h30m', 5400e9],
    ['1.5s', 1.5e9],
    ['200ms', 200e6],
    ['-5s', -5e9],
    ['0', 0],
    ['.5s', 0.5e9],
    ['3x', undefined],
    ['5', undefined],
    ['', undefined],
  ])('%s', (text, ns) => {
    expect(parseDurationNs(text)).toBe(ns);
  });

  test.each([
    [0, 'Less than a second'],
    [1000, '1 second'],
    [59_000, '59 seconds'],
    [60_000, 'About a minute'],
    [46 * 60_000, '46 minutes'],
    [3_600_000, 'About an hour'],
    [47 * 3_600_000, '47 hours'],
    [72 * 3_600_000, '3 days'],
    [20 * 24 * 3_600_000, '2 weeks'],
    [90 * 24 * 3_600_000, '3 months'],
    [800 * 24 * 3_600_000, '2 years'],
  ])('%d ms is %s', (ms, text) => {
    expect(humanDuration(ms)).toBe(text);
  });
});

test('moments are Unix times, RFC 3339 or durations ago', () => {
  expect(apiTimestamp('since', '')).toBeUndefined();
  expect(apiTimestamp('since', '1700000000.5')).toBe('1700000000.5');
  expect(apiTimestamp('since', '2026-01-02T03:04:05Z')).toBe('1767323045.000000000');
  expect(apiTimestamp('since', '2026-01-02T03:04:05.25+01:00')).toBe('1767319445.250000000');
  const ago = Number(apiTimestamp('until', '10m'));
  expect(Math.abs(Date.now() / 1000 - 600 - ago)).toBeLessThan(5);
  expect(() => apiTimestamp('until', 'xx')).toThrow(
    'invalid value for "until": failed to parse value as time or duration: "xx"',
  );
});

describe('ports', () => {
  test('are published in all forms', () => {
    const { exposed, bindings } = parsePorts(
      ['80', '8080:81/udp', '127.0.0.1::82', '[::1]:90-91:92-93', '9000-9010:94', 'target=95,published=8095'],
      ['7000-7001/sctp'],
    );
    expect(bindings).toEqual({
      '80/tcp': [{ HostIp: '', HostPort: '' }],
      '81/udp': [{ HostIp: '', HostPort: '8080' }],
      '82/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }],
      '92/tcp': [{ HostIp: '::1', HostPort: '90' }],
      '93/tcp': [{ HostIp: '::1', HostPort: '91' }],
      '94/tcp': [{ HostIp: '', HostPort: '9000-9010' }],
      '95/tcp': [{ HostIp: '', HostPort: '8095' }],
    });
    expect(Object.keys(exposed)).toContain('7001/sctp');
  });

  test.each([
    ['abc', 'invalid containerPort: abc'],
    ['70000', 'invalid containerPort: 70000'],
    ['x:80', 'invalid hostPort: x'],
    ['80/foo', 'invalid proto: foo'],
    ['1.2.3:80:80', 'invalid IP address: 1.2.3'],
    ['80:', 'no port specified: 80:<empty>'],
    ['1-3:1-2', 'invalid ranges specified for container and host Ports: 1-2 and 1-3'],
  ])('%s is refused', (spec, message) => {
    expect(() => parsePorts([spec], [])).toThrow(message);
  });
});

describe('mounts', () => {
  test('have options of their type', () => {
    expect(parseMount('type=bind,src=/a,dst=/b,ro,bind-propagation=rslave')).toEqual({
      Type: 'bind',
      Source: '/a',
      Target: '/b',
      ReadOnly: true,
      BindOptions: { Propagation: 'rslave' },
    });
    expect(parseMount('src=v,target=/d,volume-nocopy,volume-opt=o=addr=1,volume-label=a=b')).toEqual({
      Type: 'volume',
      Source: 'v',
      Target: '/d',
      VolumeOptions: { NoCopy: true, DriverConfig: { Options: { o: 'addr=1' } }, Labels: { a: 'b' } },
    });
    expect(parseMount('type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1777').TmpfsOptions).toEqual({
      SizeBytes: 1_048_576,
      Mode: 0o1777,
    });
    expect(parseMount('type=bind,src=./x,dst=/y').Source).toBe(join(process.cwd(), 'x'));
  });

  test.each([
    ['type=bind,foo=x', "unexpected key 'foo' in 'foo=x'"],
    ['type=tmpfs', 'target is required'],
    ['type=bind,dst=/a,volume-nocopy', "cannot mix 'volume-*' options with mount type 'bind'"],
    ['foo', "invalid field 'foo' must be a key=value pair"],
  ])('%s is refused', (text, message) => {
    expect(() => parseMount(text)).toThrow(message);
  });

  test('of --volume are binds or volumes without a name', () => {
    expect(parseVolumes(['/a:/b:ro', 'v:/c', '/d', './e:/f'])).toEqual({
      binds: ['/a:/b:ro', 'v:/c', `${process.cwd()}/e:/f`],
      anonymous: ['/d'],
    });
  });
});

test('fields in quotes may hold commas', () => {
  expect(csvFields('a,"b,c","d""e",')).toEqual(['a', 'b,c', 'd"e', '']);
  expect(() => csvFields('"a')).toThrow('quoted-field');
});

test('networks have a long form', () => {
  expect(parseNetwork('container:x')).toEqual({ name: 'container:x', endpoint: {} });
  expect(parseNetwork('name=n,alias=a,alias=b,ip=10.0.0.2,driver-opt=k=v')).toEqual({
    name: 'n',
    endpoint: { Aliases: ['a', 'b'], IPAMConfig: { IPv4Address: '10.0.0.2' }, DriverOpts: { k: 'v' } },
  });
  expect(() => parseNetwork('alias=a')).toThrow('network name/id is not specified');
});

test('limits, devices and restart policies', () => {
  expect(parseUlimit('nofile=3:5')).toEqual({ Name: 'nofile', Soft: 3, Hard: 5 });
  expect(parseUlimit('core=-1')).toEqual({ Name: 'core', Soft: -1, Hard: -1 });
  expect(() => parseUlimit('nofile=5:3')).toThrow('soft limit must be less than or equal to hard limit: 5 > 3');
  expect(() => parseUlimit('x=1')).toThrow('invalid ulimit type: x');
  expect(parseDevice('/dev/a:r')).toEqual({ PathOnHost: '/dev/a', PathInContainer: '/dev/a', CgroupPermissions: 'r' });
  expect(parseDevice('/dev/a:/dev/b')).toMatchObject({ PathInContainer: '/dev/b', CgroupPermissions: 'rwm' });
  expect(parseRestartPolicy('on-failure:3')).toEqual({ Name: 'on-failure', MaximumRetryCount: 3 });
  expect(() => parseRestartPolicy('on-failure:x')).toThrow('maximum retry count must be an integer');
});

test('files of variables', () => {
  const path = join(folder, 'env');
  writeFileSync(path, '# comment\nA=1\n\n  B=x y\nHERE\nGONE\n');
  const environment = (key: string): string | undefined => (key === 'HERE' ? 'yes' : undefined);
  expect(readKeyValueFile(path, 'environment variable', environment)).toEqual(['A=1', 'B=x y', 'HERE=yes']);
  writeFileSync(path, 'a b=1\n');
  expect(() => readKeyValueFile(path, 'environment variable', environment)).toThrow(
    "variable 'a b' contains whitespaces",
  );
  expect(() => readKeyValueFile('/nosuch', 'label', environment)).toThrow('open /nosuch: no such file or directory');
});

test('variables by name alone are ours, or a wish to have none', () => {
  process.env.ESTIBA_TEST_VARIABLE = 'value';
  expect(resolveEnvironment(['A=1', 'ESTIBA_TEST_VARIABLE', 'ESTIBA_TEST_ABSENT'])).toEqual([
    'A=1',
    'ESTIBA_TEST_VARIABLE=value',
    'ESTIBA_TEST_ABSENT',
  ]);
  delete process.env.ESTIBA_TEST_VARIABLE;
});

test('pairs, filters and names of images', () => {
  expect(toRecord(['a=b=c', 'd'])).toEqual({ a: 'b=c', d: '' });
  expect([...toFilters(['label=a=b', 'label=c', 'Name = x'])]).toEqual([
    ['label', ['a=b', 'c']],
    ['name', ['x']],
  ]);
  expect(parseImageName('host:5000/a/b:1@sha256:ab')).toEqual({
    repository: 'host:5000/a/b',
    tag: '1',
    digest: 'sha256:ab',
  });
  expect(familiarName('docker.io/library/busybox')).toBe('busybox:latest');
  expect(familiarName('host:5000/x')).toBe('host:5000/x:latest');
});
