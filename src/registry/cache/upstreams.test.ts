import { expect, test } from 'bun:test';
import { nameThere, parseUpstream } from './upstreams.ts';

test.each([
  ['hub=https://registry-1.docker.io', { prefix: 'hub', host: 'docker.io', path: '', isInsecure: false }],
  ['q=quay.io', { prefix: 'q', host: 'quay.io', path: '', isInsecure: false }],
  ['a/b=http://localhost:5000/x/y/', { prefix: 'a/b', host: 'localhost:5000', path: 'x/y/', isInsecure: true }],
  ['up=ftp://x', 'is no upstream'],
  ['=https://x', 'is no upstream'],
  ['Up=https://x', 'cannot begin the name'],
  ['hub', 'is no upstream'],
])('upstream %s', (text, wanted) => {
  if (typeof wanted === 'string') expect(() => parseUpstream(text)).toThrow(wanted);
  else expect(parseUpstream(text)).toEqual(wanted);
});

test.each([
  ['hub=https://index.docker.io', 'alpine', 'docker.io/library/alpine'],
  ['hub=https://docker.io', 'grafana/loki', 'docker.io/grafana/loki'],
  ['a=quay.io', 'alpine', 'quay.io/alpine'],
  ['a=quay.io/team', 'x/y', 'quay.io/team/x/y'],
])('below %s, %s is %s', (upstream, rest, name) => {
  expect(nameThere(parseUpstream(upstream), rest)).toBe(name);
});
