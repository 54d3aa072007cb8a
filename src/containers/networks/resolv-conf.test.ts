import { expect, test } from 'bun:test';
import { resolverOf } from './resolv-conf.ts';

const host = 'nameserver 127.0.0.53\nnameserver 10.0.0.1\noptions edns0 ndots:2\n';

test('names are asked for at the resolvers of the container, else at those of the host, from there', () => {
  expect(resolverOf({ Dns: ['10.9.9.9'], DnsOptions: ['edns0'] }, host)).toEqual({
    servers: ['10.9.9.9'],
    isNdotsSet: false,
  });
  expect(resolverOf({ Dns: [], DnsOptions: [] }, host)).toEqual({
    servers: ['host(127.0.0.53)', 'host(10.0.0.1)'],
    isNdotsSet: true,
  });
  expect(resolverOf({ Dns: [], DnsOptions: ['ndots:0'] }, '')).toEqual({
    servers: ['8.8.8.8', '8.8.4.4'],
    isNdotsSet: true,
  });
});
