import { expect, test } from 'bun:test';
import { request } from '../testing/lab.ts';
import { portMap, portSummaries } from './present.ts';
import { planPorts } from './request.ts';

test('bindings are read, fixed ports before ranges before any', () => {
  const { requests, keys } = planPorts(
    request({
      portBindings: {
        '80/tcp': [{ HostIp: '', HostPort: '' }],
        '81/udp': [{ HostIp: '127.0.0.1', HostPort: '8000-8010' }],
        '82': [{ HostIp: '', HostPort: '8082' }],
        '83/tcp': null,
      },
      exposedPorts: ['80/tcp', '90/sctp'],
    }),
  );
  expect(requests).toEqual([
    { protocol: 'tcp', containerPort: 82, hostAddress: '', hostPorts: { first: 8082, last: 8082 } },
    { protocol: 'udp', containerPort: 81, hostAddress: '127.0.0.1', hostPorts: { first: 8000, last: 8010 } },
    { protocol: 'tcp', containerPort: 80, hostAddress: '' },
  ]);
  expect([...keys].sort()).toEqual(['80/tcp', '81/udp', '82/tcp', '83/tcp', '90/sctp']);
});

test('publishing all takes exposed ports that have no binding of their own', () => {
  const bindings = { '80/tcp': [{ HostIp: '', HostPort: '8080' }] };
  const plan = planPorts(request({ portBindings: bindings, exposedPorts: ['80/tcp', '90/tcp'], publishAll: true }));
  expect(plan.requests.map(({ containerPort, hostPorts }) => [containerPort, hostPorts?.first])).toEqual([
    [80, 8080],
    [90, undefined],
  ]);
});

test.each([
  ['80/icmp', '', ''],
  ['0/tcp', '', ''],
  ['70000/tcp', '', ''],
  ['80/tcp', '', '8010-8000'],
  ['80/tcp', '', 'http'],
  ['80/tcp', 'localhost', ''],
])('%s at %s:%s is refused', (key, HostIp, HostPort) => {
  expect(() => planPorts(request({ portBindings: { [key]: [{ HostIp, HostPort }] } }))).toThrow('invalid');
});

test('inspect and list show the same ports', () => {
  const ports = portMap(
    ['99/tcp', '80/tcp'],
    [
      { protocol: 'tcp', hostAddress: '0.0.0.0', hostPort: 8080, containerPort: 80 },
      { protocol: 'tcp', hostAddress: '::', hostPort: 8080, containerPort: 80 },
    ],
  );
  expect(ports).toEqual({
    '99/tcp': null,
    '80/tcp': [
      { HostIp: '0.0.0.0', HostPort: '8080' },
      { HostIp: '::', HostPort: '8080' },
    ],
  });
  expect(portSummaries(ports)).toEqual([
    { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
    { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
    { PrivatePort: 99, Type: 'tcp' },
  ]);
});
