import { expect, test } from 'bun:test';
import { parseChallenges } from './challenge.ts';
import { proxiesOfEnvironment, proxyFor } from './proxy.ts';

const proxies = {
  http: 'plain:1',
  https: 'http://user:pass@secure:2',
  none: '.below.example, host.example:8443,10.0.0.0/8, ::1',
};

test.each([
  ['https://ghcr.io/v2/', 'http://user:pass@secure:2'],
  ['http://ghcr.io/v2/', 'http://plain:1'],
  ['https://localhost:5000/', undefined],
  ['https://127.0.0.9/', undefined],
  ['https://[::1]:5000/', undefined],
  ['https://a.below.example/', undefined],
  ['https://below.example/', 'http://user:pass@secure:2'],
  ['https://host.example:8443/', undefined],
  ['https://sub.host.example:8443/', undefined],
  ['https://host.example/', 'http://user:pass@secure:2'],
  ['https://otherhost.example:8443/', 'http://user:pass@secure:2'],
  ['https://10.1.2.3/', undefined],
  ['https://11.1.2.3/', 'http://user:pass@secure:2'],
])('%s is reached by %s', (url, proxy) => {
  expect(proxyFor(new URL(url), proxies)).toBe(proxy);
});

test('a star in NO_PROXY means all; the environment is read in either case', () => {
  expect(proxyFor(new URL('https://ghcr.io/'), { ...proxies, none: '*' })).toBeUndefined();
  expect(proxiesOfEnvironment({ HTTP_PROXY: 'a', http_proxy: 'b', https_proxy: 'c', no_proxy: 'd' })).toEqual({
    http: 'a',
    https: 'c',
    none: 'd',
  });
});

test('several challenges in one header are told apart', () => {
  const header =
    'Negotiate, Bearer realm="https://a/token?x=1,2",service="a \\"b\\"", error=invalid_token, basic realm=""';
  const found = parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
  expect(found).toEqual([
    ['negotiate', {}],
    ['bearer', { realm: 'https://a/token?x=1,2', service: 'a "b"', error: 'invalid_token' }],
    ['basic', { realm: '' }],
  ]);
});
