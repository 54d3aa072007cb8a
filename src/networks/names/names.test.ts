import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync, readlinkSync } from 'node:fs';
import { messageOf } from '#std/errors';
import { createNames } from './names.ts';
import { type Client, NamesLab } from './testing/lab.ts';
import { query } from './testing/messages.ts';

const waitMs = 40_000;
const lab = new NamesLab();
const names = createNames();
let space = '';
let client: Client;

/** An endpoint of container `container` in `network`. */
function add(network: string, container: string, more: { names?: string[]; ipv4?: string; ipv6?: string }): void {
  const { names: others = [], ...addresses } = more;
  const endpoint = { endpointId: `${network}-${container}`, containerId: container, names: [container, ...others] };
  names.add(`id-${network}`, network, { ...endpoint, ...addresses });
}

async function data(name: string, type = 'A'): Promise<readonly string[]> {
  return (await client.ask(query(name, type))).data;
}

beforeAll(async () => {
  space = lab.namespace('asker');
  // The program in the container that has port 53 is the resolver that is asked for all other names too.
  await lab.upstream(space, '0.0.0.0', 1);
  add('front', 'asker', { ipv4: '10.1.0.1/16' });
  add('front', 'web', { names: ['Pool', '0123456789ab', 'my.host'], ipv4: '10.1.0.2/16', ipv6: 'fd00:1::2/64' });
  add('front', 'web2', { names: ['pool'], ipv4: '10.1.0.3/16' });
  add('back', 'asker', { ipv4: '10.2.0.1' });
  add('back', 'db', { ipv4: '10.2.0.2' });
  add('six', 'asker', { ipv6: 'fd00:6::1' });
  add('six', 'only-six', { ipv6: 'fd00:6::2' });
  add('elsewhere', 'secret', { ipv4: '10.3.0.2' });
  names.setLinks('asker', 'id-front', new Map([['linked', 'web']]));
  await names.serve('asker', space, { servers: ['127.0.0.1'] });
  client = lab.client(space);
});

afterAll(async () => {
  names.close();
  await lab[Symbol.asyncDispose]();
});

test('containers are found by all of their names, in the networks of the one who asks', async () => {
  expect(await data('web')).toEqual(['10.1.0.2']);
  expect(await data('WEB.')).toEqual(['10.1.0.2']);
  expect((await client.ask(query('web'))).lives).toEqual([600]);
  expect(await data('0123456789ab')).toEqual(['10.1.0.2']);
  expect(await data('my.host')).toEqual(['10.1.0.2']);
  expect(await data('linked')).toEqual(['10.1.0.2']);
  expect(await data('web.front')).toEqual(['10.1.0.2']);
  expect(await data('my.host.front')).toEqual(['10.1.0.2']);
  expect(await data('linked.front')).toEqual(['10.1.0.2']);
  expect(await data('db')).toEqual(['10.2.0.2']);
  expect(await data('web', 'AAAA')).toEqual(['fd000001000000000000000000000002']);
  expect(await data('only-six', 'AAAA')).toEqual(['fd000006000000000000000000000002']);
  // What nobody here has is the other resolver's to answer.
  for (const name of ['secret', 'web.back', 'db.front', 'linked.back']) expect(await data(name)).toEqual(['9.9.9.1']);
});

test('several containers of one name: all of them, in any order', async () => {
  const orders = new Set<string>();
  for (let round = 0; round < 40; round++) orders.add((await data('pool')).join(' '));
  expect([...orders].sort()).toEqual(['10.1.0.2 10.1.0.3', '10.1.0.3 10.1.0.2']);
  expect(await data('pool', 'AAAA')).toEqual(['fd000001000000000000000000000002']);
});

test('a known name has an empty answer for an address that it has not, and for mail', async () => {
  for (const [name, type] of [
    ['web2', 'AAAA'],
    ['only-six', 'A'],
    ['web', 'MX'],
  ] as const) {
    const answer = await client.ask(query(name, type));
    expect([answer.code, answer.data, answer.flags]).toEqual(['NOERROR', [], 0x8180]);
  }
  // Other types are not ours to answer.
  for (const type of ['TXT', 'SRV', 'ANY']) expect(await data('web', type)).toEqual(['9.9.9.1']);
});

test('addresses are resolved to the name of a container and its network', async () => {
  expect(await data('2.0.1.10.in-addr.arpa', 'PTR')).toEqual(['web.front']);
  expect(await data('2.0.2.10.IN-ADDR.arpa', 'PTR')).toEqual(['db.back']);
  const digits = `${'2'.padEnd(24, '0')}10000${'0df'}`.split('').join('.');
  expect(await data(`${digits}.ip6.arpa`, 'PTR')).toEqual(['web.front']);
  expect(await data('2.0.3.10.in-addr.arpa', 'PTR')).toEqual(['9.9.9.1']);
});

test('the question is repeated as it came, and the answer has its id and flags', async () => {
  const answer = await client.ask(query('wEb', 'A', { id: 4711, flags: 0x0110 }));
  expect(answer).toMatchObject({ id: 4711, flags: 0x8190, name: 'wEb' });
  expect((await client.ask(query('web', 'A', { flags: 0 }))).flags).toBe(0x8080);
});

test('over TCP too, many questions on one connection', async () => {
  const questions = ['web', 'db', 'pool', 'x.example'].map((name, id) => query(name, 'A', { id }));
  const answers = await client.send(questions, { tcp: true });
  const byId = answers.sort((one, other) => one.id - other.id).map((answer) => answer.data.length);
  expect(byId).toEqual([1, 1, 2, 1]);
});

test('what is not answered here is passed on as it is, and so are its answers', async () => {
  for (const tcp of [false, true]) {
    const sent = query('mirror.example', 'TXT', { id: 99, edns: 4096, flags: 0x0120 });
    const { data: mirrored, id } = await client.ask(sent, { tcp });
    expect(id).toBe(99);
    expect(mirrored[0]?.slice(4)).toBe(sent.toString('hex', 2));
    expect((await client.ask(query('nx.example'), { tcp })).code).toBe('NXDOMAIN');
    expect((await client.ask(query('big.example', 'A', { edns: 4096 }), { tcp })).data).toHaveLength(150);
    // The only resolver cannot say: neither can we.
    for (const name of ['fail.example', 'refused.example']) {
      expect(await client.ask(query(name), { tcp })).toMatchObject({ code: 'SERVFAIL', flags: 0x8102, name });
    }
  }
  expect(await client.ask(query('cut.example'))).toMatchObject({ isCut: true, data: [] });
  expect(await client.ask(query('cut.example'), { tcp: true })).toMatchObject({ isCut: false, data: ['9.9.9.1'] });
});

test('garbage is refused or dropped, and harms nobody', async () => {
  const header = (count: number, flags = 0x0100): Buffer =>
    Buffer.from([0, 7, flags >> 8, flags & 255, 0, count, 0, 0, 0, 0, 0, 0]);
  const bad = [
    header(0),
    header(1),
    Buffer.concat([header(2), query('web').subarray(12)]),
    query('web').subarray(0, 15),
    Buffer.concat([header(1), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
    Buffer.concat([header(1), Buffer.from([0x41, 1, 2, 0, 0, 1, 0, 1])]),
    query(new Array(40).fill('abcdefg').join('.')),
  ];
  for (const tcp of [false, true]) {
    const answers = await client.send(bad, { tcp });
    expect(answers.map(({ code, name }) => [code, name])).toEqual(bad.map(() => ['FORMERR', undefined]));
  }
  expect((await client.ask(Buffer.concat([header(1, 0x2900), query('web').subarray(12)]))).code).toBe('NOTIMP');
  const dropped = [Buffer.alloc(0), Buffer.from('short'), query('web', 'A', { flags: 0x8100 }), Buffer.alloc(9000, 7)];
  const [after] = await client.send([...dropped, query('web', 'A', { id: 12 })], { answers: 1 });
  expect(after).toMatchObject({ id: 12, data: ['10.1.0.2'] });
  expect((await client.ask(query('we\u0001b'))).data).toEqual(['9.9.9.1']);
});

test('more addresses than a datagram takes: it is cut off, and TCP has all of them', async () => {
  for (let index = 0; index < 40; index++) add('front', `many-${index}`, { names: ['many'], ipv4: `10.1.7.${index}` });
  const cut = await client.ask(query('many'));
  expect([cut.isCut, cut.data.length]).toEqual([true, 30]);
  expect(new Set((await client.ask(query('many', 'A', { edns: 1400 }))).data).size).toBe(40);
  expect(new Set((await client.ask(query('many'), { tcp: true })).data).size).toBe(40);
  for (let index = 0; index < 40; index++) names.remove('id-front', `front-many-${index}`);
  expect(await data('many')).toEqual(['9.9.9.1']);
});

test('names come and go, and change', async () => {
  add('front', 'late', { ipv4: '10.1.0.9' });
  expect(await data('late')).toEqual(['10.1.0.9']);
  names.add('id-front', 'front', {
    endpointId: 'front-late',
    containerId: 'late',
    names: ['renamed'],
    ipv4: '10.1.0.9',
  });
  expect([await data('late'), await data('renamed')]).toEqual([['9.9.9.1'], ['10.1.0.9']]);
  expect(await data('9.0.1.10.in-addr.arpa', 'PTR')).toEqual(['renamed.front']);
  names.remove('id-front', 'front-late');
  expect([await data('renamed'), await data('9.0.1.10.in-addr.arpa', 'PTR')]).toEqual([['9.9.9.1'], ['9.9.9.1']]);
});

test('stock clients resolve, and a program at 0.0.0.0:53 keeps its port', async () => {
  expect(await lab.run(space, 'busybox', 'nslookup', 'web', '127.0.0.11')).toContain('10.1.0.2');
  expect(await lab.run(space, 'busybox', 'nslookup', 'web', '127.0.0.1')).toContain('9.9.9.1');
});

test(
  'resolvers are asked one after the other, from the host when it is said so; one that is dead stalls nobody else',
  async () => {
    const other = lab.namespace('other');
    const host = `127.${[1, 2, 3].map(() => 1 + Math.floor(Math.random() * 250)).join('.')}`;
    await lab.upstream(undefined, host, 3);
    add('front', 'other', { ipv4: '10.1.0.7' });
    // Nobody is at the first one, which the kernel tells; the second one says nothing.
    await lab.upstream(other, '127.0.0.3', 2);
    await names.serve('other', other, { servers: ['127.0.0.2', '127.0.0.3', `host(${host})`, '127.0.0.4'] });
    const client = lab.client(other);
    expect((await client.ask(query('x.example'))).data).toEqual(['9.9.9.2']);
    expect((await client.ask(query('x.example'), { tcp: true })).data).toEqual(['9.9.9.2']);
    expect((await client.ask(query('fail.example'))).code).toBe('SERVFAIL');
    const both = [query('silent2.example', 'A', { id: 1 }), query('web', 'A', { id: 2 })];
    expect((await client.send(both)).map(({ id, data }) => [id, data])).toEqual([
      [2, ['10.1.0.2']],
      [1, ['9.9.9.3']],
    ]);
    // It is not waited for long now, but what it says counts.
    expect(['9.9.9.2', '9.9.9.3']).toContain((await client.ask(query('x.example'))).data.join());
    names.setForwarding('other', false);
    expect(await client.ask(query('x.example'))).toMatchObject({ code: 'SERVFAIL', flags: 0x8102 });
    expect((await client.ask(query('web'))).data).toEqual(['10.1.0.2']);
    names.setForwarding('other', true);
    await names.serve('other', other, { servers: [`host(${host})`], isNdotsSet: true });
    expect((await client.ask(query('x.example'))).data).toEqual(['9.9.9.3']);
    expect(await client.ask(query('single'))).toMatchObject({ code: 'NOERROR', data: [] });
    names.stop('other');
  },
  waitMs,
);

test('an engine is killed, and the next one answers what was asked in between', async () => {
  const path = lab.namespace('orphan');
  const victim = await lab.victim(path);
  const client = lab.client(path);
  expect((await client.ask(query('web'))).data).toEqual(['10.1.0.2']);
  await victim.end();
  const { answer } = await client.askUntilAnswered(query('db'));
  add('back', 'orphan', { ipv4: '10.2.0.9' });
  await names.serve('orphan', path, { servers: [] });
  expect((await answer).data).toEqual(['10.2.0.2']);
  expect((await client.ask(query('db'), { tcp: true })).data).toEqual(['10.2.0.2']);
  names.stop('orphan');
  names.remove('id-back', 'back-orphan');
});

test('nothing is left of what is stopped, and a namespace that is gone is refused', async () => {
  const sockets = (): number =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
      } catch {
        return false;
      }
    }).length;
  const path = lab.namespace('short');
  await names.serve('short', path, { servers: [] });
  names.stop('short');
  await names.serve('short', path, { servers: [] });
  names.stop('short');
  await names.serve('asker', space, { servers: ['127.0.0.1'] });
  const before = sockets();
  for (let round = 0; round < 20; round++) {
    await names.serve('short', path, { servers: [] });
    names.stop('short');
  }
  const failure = names.serve('short', `${path}-gone`, { servers: [] }).then(() => '', messageOf);
  expect(await failure).toContain('ENOENT');
  await names.serve('asker', space, { servers: ['127.0.0.1'] });
  expect(sockets()).toBeLessThanOrEqual(before);
  expect(await data('web')).toEqual(['10.1.0.2']);
});
