import { expect, test } from 'bun:test';
import { Suspicion, type Upstream, upstreamsOf } from './upstream.ts';

const path = '/run/netns/x';

test('resolvers are asked from the container, from the host when it is said so, and no more than three', () => {
  const upstreams = upstreamsOf(
    ['10.0.0.1', 'nonsense', '127.0.0.11', 'host(127.0.0.53)', 'fd00::1', '10.0.0.4'],
    path,
  );
  expect(upstreams.map(({ namespacePath }) => namespacePath ?? 'host')).toEqual([path, 'host', path]);
  expect(upstreams[0]?.address.toString('hex')).toBe('02000035'.concat('0a000001', '0'.repeat(16)));
  const [six, local] = upstreamsOf(['fd00::1:2', 'host(fe80::1%7)'], path);
  expect(six?.address.toString('hex')).toBe('0a00003500000000fd00000000000000000000000001000200000000');
  expect(local?.address.toString('hex')).toBe('0a00003500000000fe80000000000000000000000000000107000000');
  expect(upstreamsOf(['::ffff:10.0.0.1'], path)[0]?.address.toString('hex', 8, 24)).toBe(
    `${'0'.repeat(20)}ffff0a000001`,
  );
});

test('a resolver is suspect when it answers nobody, until it answers or half a minute has passed', () => {
  const suspicion = new Suspicion();
  const [one, other] = upstreamsOf(['10.0.0.1', '10.0.0.2'], path) as [Upstream, Upstream];
  suspicion.answered(one, 1500);
  suspicion.silent(one, 1000, 5000);
  expect(suspicion.isSuspect(one, 5001)).toBe(false);
  suspicion.silent(one, 2000, 6000);
  expect([suspicion.isSuspect(one, 6001), suspicion.isSuspect(other, 6001)]).toEqual([true, false]);
  expect(suspicion.isSuspect(one, 36_001)).toBe(false);
  suspicion.silent(one, 40_000, 44_000);
  suspicion.answered(one, 44_001);
  expect(suspicion.isSuspect(one, 44_002)).toBe(false);
  suspicion.silent(one, 50_000, 54_000);
  suspicion.forget([one]);
  expect(suspicion.isSuspect(one, 54_001)).toBe(false);
});
