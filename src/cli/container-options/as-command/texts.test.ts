import { expect, test } from 'bun:test';
import type { EndpointSettings } from '#api';
import { parseFlags } from '../../grammar/parse-flags.ts';
import { parseGpus } from '../../values/gpus.ts';
import { parseMount } from '../../values/mounts.ts';
import { parseNetwork } from '../../values/networks.ts';
import { parsePorts } from '../../values/ports.ts';
import { parseDevice, parseUlimit } from '../../values/resources.ts';
import { parseBytes } from '../../values/sizes.ts';
import { containerFlags } from '../flags.ts';
import { rules } from './rules.ts';
import * as texts from './texts.ts';

test.each(['all', 'driver=nvidia,count=2', '"device=0,1",capabilities=utility', 'count=all,"options=a=1,b=2"'])(
  '--gpus %s is read back',
  (text) => {
    const request = parseGpus(text);
    expect(parseGpus(texts.gpusText(request))).toEqual(request);
  },
);

test.each([
  'type=image,source=box,target=/i,image-subpath=etc',
  'type=bind,source=/a,target=/b,bind-create-src,bind-recursive=disabled,consistency=cached',
  'type=bind,source=/a,target=/b,readonly,bind-propagation=rprivate,bind-recursive=readonly',
  'type=volume,target=/v,volume-driver=local,"volume-opt=o=a,b",volume-label=empty,volume-subpath=x,volume-nocopy',
  '"type=tmpfs","target=/with ""quotes"", and commas",tmpfs-size=3k,tmpfs-mode=755',
])('--mount %s is read back', (text) => {
  const mount = parseMount(text);
  expect(parseMount(texts.mountText(mount))).toEqual(mount);
});

test('a network, alone and with flags that say the rest', () => {
  const { name, endpoint } = parseNetwork(
    'name=net,alias=a,alias=b,ip=10.0.0.2,ip6=fd00::2,driver-opt=k=v,gw-priority=3',
  );
  const whole = endpoint as EndpointSettings;
  expect(parseNetwork(texts.networkText(name, whole, false))).toEqual({ name, endpoint });
  expect(texts.networkText(name, whole, true)).toBe('name=net,driver-opt=k=v,gw-priority=3');
  expect(texts.networkText('net', undefined, false)).toBe('net');
});

test('ports, devices, limits and sizes', () => {
  const { bindings } = parsePorts(['80', '8081:81/udp', '[::1]::82', '127.0.0.1:8083:83/sctp', '9000-9005:84'], []);
  const printed = Object.entries(bindings).flatMap(([port, each]) => each.map((one) => texts.publishText(port, one)));
  expect(parsePorts(printed, []).bindings).toEqual(bindings);
  for (const text of ['/dev/a', '/dev/a:/dev/b', '/dev/a:/dev/a:r'])
    expect(texts.deviceText(parseDevice(text))).toBe(text);
  for (const text of ['core=-1', 'nofile=1:2']) expect(texts.ulimitText(parseUlimit(text))).toBe(text);
  for (const size of [1, 1024, 1536, 5 * 1024 ** 3, 1024 ** 2 + 1])
    expect(parseBytes(texts.bytesText(size))).toBe(size);
  expect(texts.bytesText(-1)).toBe('-1');
});

test('every flag of run has a rule, and every rule is of a flag', () => {
  const { values } = parseFlags(containerFlags, [], { interspersed: false });
  expect(Object.keys(rules).sort()).toEqual(Object.keys(values).sort());
});
