import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { ContainerInspect, ExecInspect } from '../../src/api/index.ts';
import { startEngine, type TestEngine, until } from '../harness/index.ts';
import { clientFrame, TakenOver, upgradeHeaders, webSocketHeaders } from './connections.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.dockerOk('run', '-d', '-i', '--name', 'cat', 'busybox', 'cat');
  await engine.dockerOk('run', '-d', '-it', '--name', 'shell', 'busybox', 'sh');
  await engine.dockerOk('create', '--name', 'still', 'busybox', 'true');
  await engine.dockerOk('run', '-d', '--name', 'frozen', 'busybox', 'sleep', '600');
  await engine.dockerOk('pause', 'frozen');
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const attach = (name: string, query: string, headers: readonly string[] = upgradeHeaders) =>
  TakenOver.open(engine.socket, `POST /containers/${name}/attach?${query}`, headers);
const attachOverWebSocket = (name: string, query: string, headers: readonly string[] = webSocketHeaders) =>
  TakenOver.open(engine.socket, `GET /v1.51/containers/${name}/attach/ws?${query}`, headers);

async function eventsOf(name: string): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ container: [name] }));
  const response = await engine.request('GET', `/events?since=1&until=${Date.now() / 1000 + 0.001}&filters=${filters}`);
  return (await response.text())
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { Action: string }).Action);
}

test('attach: with an upgrade 101, without 200; the types of API versions; refusals on the wire of the stream', async () => {
  using upgraded = await attach('cat', 'stream=1&stdout=1');
  expect(upgraded.head).toContain('HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream');
  using plain = await attach('cat', 'stream=1&stdout=1', []);
  expect(plain.head).toContain('HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream');
  using terminal = await attach('shell', 'stream=1&stdout=1');
  expect(terminal.head).toContain('Content-Type: application/vnd.docker.raw-stream');
  const refusals: readonly (readonly [string, string, string, string])[] = [
    ['nobody', 'stream=1', 'HTTP/1.1 404 Not Found', 'No such container: nobody'],
    ['frozen', 'stream=1', 'HTTP/1.1 409 Conflict', 'container frozen is paused, unpause the container before attach'],
    ['cat', 'stream=1&detachKeys=ctrl-foo', 'HTTP/1.1 400 Bad Request', 'Invalid detach keys (ctrl-foo) provided'],
  ];
  for (const [name, query, status, text] of refusals) {
    using refused = await attach(name, query);
    expect(refused.head).toStartWith(status);
    await refused.received(text);
  }
  using nothing = await attach('still', 'stdout=1&logs=1');
  await nothing.end();
  expect(nothing.bytes.length).toBe(0);
});

test('attach: detach keys of a terminal end the client, are an event, and leave the process', async () => {
  using client = await attach('shell', 'stream=1&stdin=1&stdout=1&detachKeys=ctrl-a,b');
  client.socket.write('echo $((40+2))\n');
  await client.received('42');
  client.socket.write('\x01b');
  await client.end();
  expect(await eventsOf('shell')).toEqual(['create', 'start', 'attach', 'attach', 'detach']);
  expect(await engine.dockerOk('inspect', '-f', '{{.State.Status}}', 'shell')).toBe('running');
});

test('WebSocket: both directions in binary frames, pings, pieces, and an end by either side', async () => {
  using client = await attachOverWebSocket('cat', 'stream=1&stdin=1&stdout=1');
  expect(client.head).toStartWith('HTTP/1.1 101 Switching Protocols');
  expect(client.head).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  client.socket.write(clientFrame(0x02, 'hel'));
  client.socket.write(clientFrame(0x89, 'are you there'));
  client.socket.write(clientFrame(0x80, 'lo\n'));
  await client.received(Buffer.from('\x8a\rare you there', 'latin1'));
  await client.received(Buffer.from('lo\n'));
  expect(client.bytes.includes(Buffer.from([0x82]))).toBe(true);
  client.socket.write(clientFrame(0x88, '\x03\xe8'));
  await client.end();
  expect(client.bytes.at(-4)).toBe(0x88);
  // The process reads on: its input is not closed by one client's leave.
  using next = await attachOverWebSocket('cat', 'stream=1&stdin=1&stdout=1&logs=1');
  await next.received('hello\n');
  next.socket.write(clientFrame(0x81, 'again\n'));
  await next.received('again\n');
  // A frame without a mask is no client's: 1002.
  next.socket.write(Buffer.from([0x82, 1, 0x61]));
  await next.received(Buffer.from([0x88, 2, 0x03, 0xea]));
  await next.end();
});

test('WebSocket: detach keys, and the end of the process', async () => {
  using client = await attachOverWebSocket('shell', 'stream=1&stdin=1&stdout=1');
  client.socket.write(clientFrame(0x82, '\x10\x11'));
  await client.received(Buffer.from([0x88, 2, 0x03, 0xe8]));
  await client.end();
  await engine.dockerOk('run', '-d', '-i', '--name', 'brief', 'busybox', 'head', '-n', '1');
  using last = await attachOverWebSocket('brief', 'stream=1&stdin=1&stdout=1');
  last.socket.write(clientFrame(0x82, 'bye\n'));
  await last.received(Buffer.concat([Buffer.from('\x82\x04bye\n', 'latin1'), Buffer.from([0x88, 2, 0x03, 0xe8])]));
  await last.end();
});

test('WebSocket: what is no handshake is refused, and so is what cannot be attached to', async () => {
  const without = (name: string) => webSocketHeaders.filter((header) => !header.startsWith(name));
  const refusals: readonly (readonly [string, readonly string[], number, string])[] = [
    ['cat', [], 400, 'not websocket protocol'],
    ['cat', without('Sec-WebSocket-Version'), 400, 'missing or bad WebSocket Version'],
    ['cat', without('Sec-WebSocket-Key'), 400, 'mismatch challenge/response'],
    ['nobody', webSocketHeaders, 404, 'No such container: nobody'],
    ['frozen', webSocketHeaders, 409, 'container frozen is paused, unpause the container before attach'],
  ];
  for (const [name, headers, status, message] of refusals) {
    using refused = await attachOverWebSocket(name, 'stream=1', headers);
    expect(refused.head).toStartWith(`HTTP/1.1 ${status} `);
    await refused.received(JSON.stringify({ message }));
  }
});

test('exec: refusals at creation and at the start, in the words of Docker', async () => {
  const create = async (name: string, body: object): Promise<[number, unknown]> => {
    const response = await engine.request('POST', `/containers/${name}/exec`, body);
    return [response.status, await response.json()];
  };
  const id = await engine.dockerOk('inspect', '-f', '{{.Id}}', 'still');
  const refusals: readonly (readonly [string, object, number, string])[] = [
    ['nobody', { Cmd: ['true'] }, 404, 'No such container: nobody'],
    ['still', { Cmd: ['true'] }, 409, `container ${id} is not running`],
    ['frozen', { Cmd: ['true'] }, 409, 'Container frozen is paused, unpause the container before exec'],
    ['cat', { Cmd: [] }, 400, 'No exec command specified'],
    ['cat', { Cmd: ['true'], DetachKeys: 'ctrl-foo' }, 400, 'Invalid escape keys (ctrl-foo) provided'],
    ['cat', { Cmd: ['true'], User: 'x' }, 400, 'unable to find user x: no matching entries in passwd file'],
  ];
  for (const [name, body, status, message] of refusals) expect(await create(name, body)).toEqual([status, { message }]);
  const [, { Id }] = (await create('cat', { Cmd: ['no-such-program'] })) as [number, { Id: string }];
  const start = (body: object) => engine.request('POST', `/exec/${Id}/start`, body);
  const missing = await start({ Detach: true });
  expect([missing.status, await missing.json()]).toEqual([
    400,
    {
      message:
        'OCI runtime exec failed: exec failed: unable to start container process: exec: "no-such-program": executable file not found in $PATH',
    },
  ]);
  expect((await engine.get<ExecInspect>(`/exec/${Id}/json`)).ExitCode).toBe(127);
  const again = await start({ Detach: true });
  expect([again.status, await again.json()]).toEqual([409, { message: `exec command ${Id} has already run` }]);
});

test('exec: inspect tells what was asked for and what became of it, also after the engine was killed', async () => {
  const body = { Cmd: ['sh', '-c', 'cat; exit 3'], Tty: true, Privileged: true, User: '1:2', DetachKeys: 'ctrl-a' };
  const created = await engine.request('POST', '/containers/cat/exec', {
    ...body,
    AttachStdin: true,
    AttachStdout: true,
  });
  const { Id } = (await created.json()) as { Id: string };
  const inspect = () => engine.get<ExecInspect>(`/exec/${Id}/json`);
  const execIds = async () => (await engine.get<ContainerInspect>('/containers/cat/json')).ExecIDs;
  expect(await inspect()).toMatchObject({
    ...{ ID: Id, Running: false, ExitCode: null, Pid: 0, OpenStdin: true, OpenStderr: false, OpenStdout: true },
    ProcessConfig: { tty: true, entrypoint: 'sh', arguments: ['-c', 'cat; exit 3'], privileged: true, user: '1:2' },
    ...{ CanRemove: false, DetachKeys: 'AQ==' },
  });
  expect((await execIds()) ?? []).toContain(Id);
  const start = ['Content-Type: application/json', 'Content-Length: 34', ...upgradeHeaders];
  using client = await TakenOver.open(
    engine.socket,
    `POST /exec/${Id}/start`,
    start,
    '{"Tty":true,"ConsoleSize":[30,70]}',
  );
  await until('the exec to run', async () => (await inspect()).Running);
  client.socket.write('\x01');
  await client.end();
  expect((await eventsOf('cat')).at(-1)).toBe('exec_detach');
  const { Pid } = await inspect();
  await engine.kill();
  await engine.start();
  expect(await inspect()).toMatchObject({ Running: true, ExitCode: null, Pid });
  process.kill(Pid, 'SIGKILL');
  await until('its exit', async () => !(await inspect()).Running);
  expect(await inspect()).toMatchObject({ ExitCode: 137, Pid });
  expect((await execIds()) ?? []).not.toContain(Id);
});
