import { describe, expect, test } from 'bun:test';
import { runContainer, serveMemory, stalls, until } from '../testing/raw-client.ts';
import { checkPresence } from './presence.ts';

const upgrade = ['Connection: Upgrade', 'Upgrade: tcp'];
const json = ['Content-Type: application/json'];

/** A multiplexed frame of stdout, as latin-1 text. */
function frame(text: string): string {
  return `\x01\0\0\0\0\0\0${String.fromCharCode(text.length)}${text}`;
}

describe('hijack', () => {
  test.each([
    ['with upgrade', upgrade, '101 UPGRADED'],
    ['without', [], '200 OK'],
  ])('attach %s: bytes both ways, half-close ends the input only', async (_, headers, status) => {
    await using server = await serveMemory();
    await runContainer(server.containers, { Cmd: ['cat'] });
    const client = server.client();
    client.request('POST /containers/a/attach?stream=1&stdin=1&stdout=1', headers);
    await client.sees(`HTTP/1.1 ${status}\r\n`);
    client.send('hello\n');
    await client.sees(frame('hello\n'));
    client.send('more\n');
    client.halfClose();
    await client.sees(frame('more\n'));
    await client.seesEnd();
    await until('the attachment is closed', () => server.containers.openAttachments === 0);
  });

  test('on a connection that served others before, with the first input in the same packet', async () => {
    await using server = await serveMemory();
    await runContainer(server.containers, { Cmd: ['cat'] });
    const client = server.client();
    client.request('GET /_ping');
    await client.sees('\r\n\r\nOK');
    client.send('POST /containers/a/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\nearly');
    client.halfClose();
    await client.sees(frame('early'));
    await client.seesEnd();
  });

  test.each([
    ['with upgrade', upgrade, '101 UPGRADED'],
    ['without', [], '200 OK'],
  ])('exec start has a body and takes the connection over, %s', async (_, headers, status) => {
    await using server = await serveMemory();
    await runContainer(server.containers, { Cmd: ['cat'] });
    const { Id } = server.containers.execCreate('a', { Cmd: ['cat'] });
    const client = server.client();
    client.request(`POST /exec/${Id}/start`, [...json, ...headers], '{"Detach":false,"Tty":false}');
    client.send('hello');
    await client.sees(`HTTP/1.1 ${status}\r\n`);
    await client.sees(frame('hello'));
    client.halfClose();
    await client.seesEnd();
  });

  test('the output ends: all of it arrives, then the connection closes', async () => {
    await using server = await serveMemory();
    await runContainer(server.containers, { Cmd: ['cat'] });
    const { Id } = server.containers.execCreate('a', { Cmd: ['echo', 'x'.repeat(100)] });
    const client = server.client();
    client.request(`POST /exec/${Id}/start`, [...json, ...upgrade], '{}');
    await client.seesEnd();
    expect(client.received).toEndWith(frame(`${'x'.repeat(100)}\n`));
    await until('the attachment is closed', () => server.containers.openAttachments === 0);
  });

  test('a client that vanishes while nothing is said closes the attachment', async () => {
    await using server = await serveMemory();
    await runContainer(server.containers, { Cmd: ['cat'], Tty: true });
    const client = server.client();
    client.request('POST /containers/a/attach?stream=1&stdout=1', upgrade);
    await client.sees('101 UPGRADED');
    expect(server.containers.openAttachments).toBe(1);
    client.socket.destroy();
    await until('the attachment is closed', () => {
      checkPresence();
      return server.containers.openAttachments === 0;
    });
  });

  test('a client that vanishes in the midst of output closes the attachment', async () => {
    await using server = await serveMemory();
    await runContainer(server.containers, { Cmd: ['cat'], Tty: true });
    const client = server.client();
    client.request('POST /containers/a/attach?stream=1&stdout=1', upgrade);
    await client.sees('101 UPGRADED');
    client.socket.destroy();
    await until('the attachment is closed', () => {
      server.containers.say('a', 'x');
      return server.containers.openAttachments === 0;
    });
  });

  test('a client that only closed its side stays attached', async () => {
    await using server = await serveMemory();
    await runContainer(server.containers, { Cmd: ['cat'], Tty: true });
    const client = server.client();
    client.request('POST /containers/a/attach?stream=1&stdout=1', upgrade);
    await client.sees('101 UPGRADED');
    client.halfClose();
    checkPresence();
    server.containers.say('a', 'still here');
    await client.sees('still here');
  });

  test('a client that does not read slows the process, and loses nothing', async () => {
    await using server = await serveMemory();
    await runContainer(server.containers, { Cmd: ['cat'], Tty: true });
    const client = server.client();
    let bytes = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
    });
    client.request('POST /containers/a/attach?stream=1&stdin=1&stdout=1', upgrade);
    await until('the head is here', () => bytes > 0);
    const head = bytes;
    client.socket.pause();
    const block = Buffer.alloc(65536, 'a');
    for (let index = 0; index < 64; index += 1) client.socket.write(block);
    client.halfClose();
    await stalls(() => client.socket.writableLength);
    client.socket.resume();
    await until('all came back', () => bytes === head + 64 * 65536);
  });

  test('a process that never reads its input does not keep the connection of a client that went', async () => {
    await using server = await serveMemory();
    // Created and not started: nobody reads.
    await server.containers.create('a', { Image: 'busybox' });
    const client = server.client();
    client.request('POST /containers/a/attach?stream=1&stdin=1&stdout=1', upgrade);
    await client.sees('101 UPGRADED');
    client.socket.write(Buffer.alloc(1024 * 1024));
    await stalls(() => client.socket.writableLength);
    client.socket.destroy();
    await until('the attachment is closed', () => {
      checkPresence();
      server.containers.say('a', 'x');
      return server.containers.openAttachments === 0;
    });
    const begun = performance.now();
    await server.listener.close();
    // With a connection left, closing takes its whole grace of 3 s.
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  test('a bad body is answered as any other, and the connection lives on', async () => {
    await using server = await serveMemory();
    const client = server.client();
    client.request('POST /exec/zz/start', [...json, ...upgrade], '{');
    await client.sees('invalid JSON: unexpected EOF');
    client.request('GET /_ping');
    await client.sees('\r\n\r\nOK');
  });
});
