import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { NetworkInspect } from '#api';
import { startEngine, type TestEngine } from '../harness/index.ts';
import { freePrefix } from './subnets.ts';

let engine: TestEngine;
const prefix = freePrefix();
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

async function ask(method: string, path: string, body?: unknown): Promise<[status: number, message: string]> {
  const response = await engine.request(method, path, body);
  const text = await response.text();
  return [response.status, text === '' ? '' : (JSON.parse(text).message ?? '')];
}

const create = (body: object): Promise<[status: number, message: string]> => ask('POST', '/networks/create', body);
const pool = (config: object): object => ({ Name: 'bad', IPAM: { Config: [{ Subnet: `${prefix}.0/24`, ...config }] } });
const option = (name: string, value: string): object => ({
  Name: 'bad',
  Options: { [`com.docker.network.${name}`]: value },
});
const invalid = (what: string): [status: number, message: string] => [400, `invalid network config:\n${what}`];

const refused: [what: string, body: () => object, answer: [status: number, message: string]][] = [
  ['no name', () => ({}), [400, 'invalid name: name is empty']],
  ['a name of ours', () => ({ Name: 'bridge' }), [403, 'operation is not permitted on predefined bridge network ']],
  ['a driver', () => ({ Name: 'bad', Driver: 'nope' }), [404, 'plugin "nope" not found']],
  ['another host', () => ({ Name: 'bad', Driver: 'host' }), [403, 'only one instance of "host" network is allowed']],
  ['no family', () => ({ Name: 'bad', EnableIPv4: false }), [400, 'IPv4 or IPv6 must be enabled']],
  [
    'a subnet',
    () => pool({ Subnet: '300.1.1.0/24' }),
    invalid('invalid subnet 300.1.1.0/24: invalid CIDR block notation'),
  ],
  [
    'host bits',
    () => pool({ Subnet: `${prefix}.5/24` }),
    invalid(`invalid subnet ${prefix}.5/24: it should be ${prefix}.0/24`),
  ],
  [
    'a gateway elsewhere',
    () => pool({ Gateway: '10.1.1.1' }),
    invalid(`invalid gateway 10.1.1.1: parent subnet ${prefix}.0/24 doesn't contain this address`),
  ],
  ['a gateway of words', () => pool({ Gateway: 'x' }), invalid('invalid gateway x: invalid address')],
  [
    'a range elsewhere',
    () => pool({ IPRange: '10.1.1.0/25' }),
    invalid(`invalid ip-range 10.1.1.0/25: parent subnet ${prefix}.0/24 doesn't contain ip-range`),
  ],
  [
    'an auxiliary address elsewhere',
    () => pool({ AuxiliaryAddresses: { h: '10.1.1.1' } }),
    invalid(`invalid auxiliary address h: parent subnet ${prefix}.0/24 doesn't contain this address`),
  ],
  [
    'an mtu of words',
    () => option('driver.mtu', 'x'),
    [400, 'failed to parse com.docker.network.driver.mtu value: x (strconv.Atoi: parsing "x": invalid syntax)'],
  ],
  [
    'a switch of words',
    () => option('bridge.enable_icc', 'x'),
    [
      400,
      'failed to parse com.docker.network.bridge.enable_icc value: x (strconv.ParseBool: parsing "x": invalid syntax)',
    ],
  ],
  [
    'a mode',
    () => option('bridge.gateway_mode_ipv4', 'x'),
    [400, 'failed to parse com.docker.network.bridge.gateway_mode_ipv4 value: x (unknown gateway mode x)'],
  ],
  [
    'an unknown configuration',
    () => ({ Name: 'bad', ConfigFrom: { Network: 'nope' } }),
    [404, 'configuration network "nope" does not exist'],
  ],
  [
    'a type',
    () => ({ Name: 5 }),
    [400, 'invalid JSON: json: cannot unmarshal number into Go struct field CreateRequest.Name of type string'],
  ],
];

test('what cannot be a network is refused in words of Docker, and makes nothing', async () => {
  for (const [what, body, answer] of refused) expect([what, ...(await create(body()))]).toEqual([what, ...answer]);
  const names = (await engine.get<NetworkInspect[]>('/networks')).map(({ Name }) => Name).sort();
  expect(names).toEqual(['bridge', 'host', 'none']);
});

test('a network is shown as it was asked for, is found by its filters, and goes', async () => {
  const asked = {
    Name: 'shown',
    Labels: { team: 'a' },
    Options: { 'com.docker.network.driver.mtu': '1400' },
    IPAM: {
      Config: [
        {
          Subnet: `${prefix}.0/24`,
          IPRange: `${prefix}.128/25`,
          Gateway: `${prefix}.254`,
          AuxiliaryAddresses: { printer: `${prefix}.129` },
        },
      ],
    },
  };
  expect(await create(asked)).toEqual([201, '']);
  expect(await create({ Name: 'shown' })).toEqual([409, 'network with name shown already exists']);
  const overlap = { Name: 'bad', IPAM: { Config: [{ Subnet: `${prefix}.0/25` }] } };
  expect(await create(overlap)).toEqual([
    403,
    'invalid pool request: Pool overlaps with other one on this address space',
  ]);
  const network = await engine.get<NetworkInspect>('/networks/shown');
  expect(network).toMatchObject({
    ...asked,
    Driver: 'bridge',
    Scope: 'local',
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, ...asked.IPAM },
    Internal: false,
    Containers: {},
  });
  const found = async (filters: object): Promise<string[]> =>
    (await engine.get<NetworkInspect[]>(`/networks?filters=${encodeURIComponent(JSON.stringify(filters))}`))
      .map(({ Name }) => Name)
      .sort();
  expect(await found({ label: ['team=a'] })).toEqual(['shown']);
  expect(await found({ type: ['custom'] })).toEqual(['shown']);
  expect(await found({ dangling: ['true'] })).toEqual(['shown']);
  expect(await found({ driver: ['bridge'] })).toEqual(['bridge', 'shown']);
  expect(await found({ id: [network.Id.slice(0, 12)] })).toEqual(['shown']);
  expect(await ask('DELETE', `/networks/${network.Id.slice(0, 12)}`)).toEqual([204, '']);
  expect(await ask('GET', '/networks/shown')).toEqual([404, 'network shown not found']);
  expect(await ask('DELETE', '/networks/bridge')).toEqual([
    403,
    'bridge is a pre-defined network and cannot be removed',
  ]);
});

test('a network of another one has its configuration, and keeps it from removal', async () => {
  const configuration = { Name: 'plan', ConfigOnly: true, IPAM: { Config: [{ Subnet: `${prefix}.0/24` }] } };
  expect(await create(configuration)).toEqual([201, '']);
  expect(await create({ Name: 'made', ConfigFrom: { Network: 'plan' } })).toEqual([201, '']);
  const made = await engine.get<NetworkInspect>('/networks/made');
  expect([made.ConfigFrom.Network, made.IPAM.Config?.[0]?.Subnet]).toEqual(['plan', `${prefix}.0/24`]);
  expect(await ask('DELETE', '/networks/plan')).toEqual([
    403,
    'error while removing network: configuration network "plan" is in use',
  ]);
  expect(await ask('DELETE', '/networks/made')).toEqual([204, '']);
  expect(await ask('DELETE', '/networks/plan')).toEqual([204, '']);
});

test('prune takes the networks that nobody is in, by their labels and age', async () => {
  await create({ Name: 'old', Labels: { keep: 'no' } });
  await create({ Name: 'kept', Labels: { keep: 'yes' } });
  await create({ Name: 'used', Labels: { keep: 'no' } });
  await engine.dockerOk('run', '-d', '--name', 'user', '--network', 'used', 'busybox', 'sleep', '600');
  const prune = async (filters: object): Promise<unknown> =>
    (await engine.request('POST', `/networks/prune?filters=${encodeURIComponent(JSON.stringify(filters))}`)).json();
  expect(await prune({ foo: ['x'] })).toEqual({ message: "invalid filter 'foo'" });
  expect(await prune({ until: ['1h'] })).toEqual({ NetworksDeleted: null });
  expect(await prune({ label: ['keep=no'] })).toEqual({ NetworksDeleted: ['old'] });
  await engine.dockerOk('rm', '-f', 'user');
  expect(await prune({})).toEqual({ NetworksDeleted: expect.arrayContaining(['kept', 'used']) });
});
