import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNetworkNamespace, deleteNetworkNamespace, type NewNetworkNamespace } from './namespaces.ts';
import {
  addAddress,
  addBridge,
  addVeth,
  deleteLink,
  disablePort,
  RouteSocket,
  setDefaultRoute,
  setLink,
} from './rtnetlink.ts';

let directory: string;
let host: NewNetworkNamespace<RouteSocket>;
let guest: NewNetworkNamespace<RouteSocket>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rtnetlink-'));
  host = createNetworkNamespace(join(directory, 'host'), () => new RouteSocket());
  guest = createNetworkNamespace(join(directory, 'guest'), () => new RouteSocket());
});

afterEach(() => {
  for (const [name, made] of Object.entries({ host, guest })) {
    made[Symbol.dispose]();
    deleteNetworkNamespace(join(directory, name));
  }
  rmSync(directory, { recursive: true, force: true });
});

test('a bridge with a veth pair into another namespace', () => {
  const route = host.opened;
  route.transact(addBridge('br', { mtu: 1400 }));
  const bridge = route.link('br');
  expect(bridge).toMatchObject({ kind: 'bridge', mtu: 1400, isUp: false });
  route.transact(
    setLink({ index: bridge.index }, { up: true, alias: 'mine', mac: '02:00:00:00:00:01' }),
    addAddress(bridge.index, '10.9.0.1', 20),
  );
  const peer = { namespace: guest.descriptor, name: 'eth0', mac: '02:00:00:00:00:02' };
  route.transact(addVeth({ name: 'near', master: bridge.index, mtu: 1400, peer }));
  const near = route.link('near');
  expect(near).toMatchObject({ kind: 'veth', master: bridge.index, isUp: true });
  const far = guest.opened.link('eth0');
  expect(far).toMatchObject({ index: near.peer, mac: '02:00:00:00:00:02', mtu: 1400 });
  guest.opened.transact(
    setLink({ name: 'eth0' }, { up: true }),
    addAddress(far.index, '10.9.0.2', 20),
    setDefaultRoute('10.9.0.1', far.index),
  );
  expect(guest.opened.routes()).toEqual([{ address: '10.9.0.0', prefixLength: 20, linkIndex: far.index }]);
  expect(route.addresses()).toEqual([{ address: '10.9.0.1', prefixLength: 20, linkIndex: bridge.index }]);
  expect(route.link('br')).toMatchObject({ alias: 'mine', mac: '02:00:00:00:00:01' });
  route.transact(disablePort(near.index));
  route.transact(deleteLink('near'));
  expect(guest.opened.links().map(({ name }) => name)).toEqual(['lo']);
});

test('a refusal has the name of its errno, what it was about and the words of the kernel', () => {
  const route = host.opened;
  expect(() => route.link('none')).toThrow(expect.objectContaining({ code: 'ENODEV' }));
  route.transact(addBridge('br'));
  expect(() => route.transact(addBridge('br'))).toThrow(/^netlink bridge br: EEXIST/);
  const { index } = route.link('br');
  const wrong = () => route.transact(setLink({ index }, { master: index }));
  expect(wrong).toThrow(/^netlink link \d+: E\w+ \(.+\)$/);
});

test('requests behind one that fails are carried out', () => {
  const route = host.opened;
  const requests = [addBridge('one'), addBridge('one'), addBridge('two')];
  expect(() => route.transact(...requests)).toThrow('EEXIST');
  expect(route.link('two').kind).toBe('bridge');
});
