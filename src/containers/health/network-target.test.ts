import { expect, test } from 'bun:test';
import { networkTarget } from './network-target.ts';

test('addresses of probes without a process', () => {
  const web = networkTarget(['HTTP', 'http://:8080/ready?deep=1']);
  expect(web).toEqual({
    kind: 'HTTP',
    address: '127.0.0.1',
    port: 8080,
    path: '/ready?deep=1',
    host: 'localhost:8080',
  });
  expect(networkTarget(['HTTP', 'http://[::1]'])).toMatchObject({ address: '::1', port: 80, path: '/' });
  expect(networkTarget(['HTTP', 'http://10.0.0.7:81?x'])).toMatchObject({ address: '10.0.0.7', path: '/?x' });
  expect(networkTarget(['TCP', '6379'])).toMatchObject({ kind: 'TCP', address: '127.0.0.1', port: 6379 });
  expect(networkTarget(['TCP', '[::1]:6379'])).toMatchObject({ address: '::1', port: 6379 });
  for (const other of [[], ['NONE'], ['CMD', 'http'], ['CMD-SHELL', 'true']])
    expect(networkTarget(other)).toBeUndefined();
  for (const wrong of ['', 'https://:1', 'http://a b/', 'http://:1/a\r\nX: y', 'http://:x', 'http://name/']) {
    expect(() => networkTarget(['HTTP', wrong])).toThrow('Healthcheck');
  }
  for (const wrong of ['0', '65536', 'http', 'name:80', ':']) expect(() => networkTarget(['TCP', wrong])).toThrow();
});
