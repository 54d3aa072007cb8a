import { describe, expect, test } from 'bun:test';
import { serveMemory } from '../testing/raw-client.ts';

const head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';
const upgrade = ['Connection: Upgrade', 'Upgrade: h2c'];

describe('connections that become HTTP/2', () => {
  test('the head is Docker’s, and what follows it goes both ways', async () => {
    await using api = await serveMemory();
    const client = api.client();
    client.request('POST /v1.51/grpc', upgrade);
    client.send('PRI');
    await client.sees('PRI');
    client.send(` ${'x'.repeat(600_000)}!`);
    await client.sees('!');
    expect(client.received).toBe(`${head}PRI ${'x'.repeat(600_000)}!`);
    client.halfClose();
    await client.seesEnd();
  });

  test('bytes that come with the request are the connection’s', async () => {
    await using api = await serveMemory();
    const client = api.client();
    client.send(`POST /grpc HTTP/1.1\r\nHost: d\r\n${upgrade.join('\r\n')}\r\n\r\nfirst`);
    await client.sees('first');
    client.send(', second');
    await client.sees(', second');
    expect(client.received).toBe(`${head}first, second`);
  });

  test('a session says what it offers', async () => {
    await using api = await serveMemory();
    const client = api.client();
    client.request('POST /session', [
      ...upgrade,
      'X-Docker-Expose-Session-Uuid: abc',
      'X-Docker-Expose-Session-Name: mine',
      'X-Docker-Expose-Session-Sharedkey: shared',
      'X-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.FileSync/DiffCopy',
      'X-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.Auth/Credentials',
    ]);
    await client.sees('\n');
    expect(client.received.startsWith(head)).toBe(true);
    await client.sees('}\n');
    expect(JSON.parse(client.received.slice(head.length))).toEqual({
      id: 'abc',
      name: 'mine',
      sharedKey: 'shared',
      methods: ['/moby.filesync.v1.FileSync/DiffCopy', '/moby.filesync.v1.Auth/Credentials'],
    });
  });

  test('what is asked otherwise is refused in Docker’s words', async () => {
    await using api = await serveMemory();
    const refusals: [target: string, headers: string[], status: number, message: string][] = [
      ['/session', [], 400, 'no upgrade proto in request'],
      ['/session', ['Connection: Upgrade', 'Upgrade: websocket'], 400, 'protocol websocket not supported'],
      ['/session', ['X-Docker-Expose-Session-Uuid: taken'], 400, 'session taken already exists'],
      ['/grpc', [], 500, 'no upgrade proto in request'],
      ['/grpc', ['Upgrade: websocket'], 500, 'protocol websocket not supported'],
    ];
    for (const [target, headers, status, message] of refusals) {
      const client = api.client();
      client.request(`POST ${target}`, headers, '');
      await client.sees('}\n');
      expect(client.received.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
      expect(client.received.endsWith(`\r\n\r\n${JSON.stringify({ message })}\n`)).toBe(true);
    }
  });

  test('a connection of a listener that closes ends', async () => {
    await using api = await serveMemory();
    const client = api.client();
    client.request('POST /grpc', upgrade);
    client.send('x');
    await client.sees(`${head}x`);
    await api.listener.close();
    await client.seesEnd();
  });
});
