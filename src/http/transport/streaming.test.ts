import { describe, expect, test } from 'bun:test';
import { runContainer, serveMemory, stalls, until } from '../testing/raw-client.ts';

describe('streams', () => {
  test('the head of wait goes out when the wait is registered', async () => {
    await using server = await serveMemory();
    await runContainer(server.containers, { Cmd: ['cat'] });
    const client = server.client();
    client.request('POST /containers/a/wait?condition=next-exit');
    await client.sees('Transfer-Encoding: chunked\r\n\r\n');
    expect(client.received).toEndWith('\r\n\r\n');
    server.containers.exit('a', 7);
    await client.sees('{"StatusCode":7}\n\r\n0\r\n\r\n');
    client.request('GET /_ping');
    await client.sees('\r\n\r\nOK');
  });

  test('events: head at once, each event as it happens, the end when the client goes', async () => {
    await using server = await serveMemory();
    const client = server.client();
    client.request('GET /events');
    await client.sees('Transfer-Encoding: chunked\r\n\r\n');
    await until('the stream is open', () => server.events.open === 1);
    server.events.publish({ type: 'container', action: 'first', id: 'x', attributes: {} });
    await client.sees('"Action":"first"');
    expect(client.received).not.toContain('second');
    server.events.publish({ type: 'container', action: 'second', id: 'x', attributes: {} });
    await client.sees('"Action":"second"');
    client.socket.destroy();
    await until('the stream is closed', () => server.events.open === 0);
  });

  test('a client that goes ends its wait and its logs', async () => {
    await using server = await serveMemory();
    await runContainer(server.containers, { Cmd: ['cat'] });
    const [waiting, following] = [server.client(), server.client()];
    waiting.request('POST /containers/a/wait');
    following.request('GET /containers/a/logs?stdout=1&follow=1');
    await following.sees('line 1\n');
    await until('both are open', () => server.containers.openWaits === 1 && server.containers.openLogs === 1);
    waiting.socket.destroy();
    following.socket.destroy();
    await until('both are closed', () => server.containers.openWaits === 0 && server.containers.openLogs === 0);
  });

  test('logs are produced only as fast as they are read', async () => {
    await using server = await serveMemory();
    await runContainer(server.containers, { Cmd: ['cat'] });
    let produced = 0;
    server.containers.logs = () => ({
      terminal: false,
      output: (async function* () {
        for (; produced < 1000; produced += 1) yield new Uint8Array(65536);
      })(),
    });
    const client = server.client();
    client.socket.pause();
    client.request('GET /containers/a/logs?stdout=1');
    await until('the first are produced', () => produced > 1);
    await stalls(() => produced);
    expect(produced).toBeLessThan(100);
    client.socket.resume();
    await until('all are produced', () => produced === 1000);
  });

  test('a client that goes cancels a save', async () => {
    await using server = await serveMemory();
    const client = server.client();
    client.socket.once('data', () => client.socket.destroy());
    client.request('GET /images/busybox/get');
    await until('the save is cancelled', () => server.images.cancelled === 1);
  });

  test('a stream that breaks closes the connection, so that its end does not lie', async () => {
    await using server = await serveMemory();
    server.images.save = async () =>
      new ReadableStream({
        pull: (controller) => controller.error(new Error('disk gone')),
      });
    const client = server.client();
    client.request('GET /images/busybox/get');
    await client.seesEnd();
    expect(client.received).not.toContain('0\r\n\r\n');
  });
});
