import { expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPorter } from './client.ts';
import { FrameWriter, type PorterRequest } from './protocol.ts';
import { Session } from './session.ts';

const request: PorterRequest = {
  verb: 'stat',
  view: { root: '/', mounts: [], readOnlyRoot: false },
  path: '/',
  container: 'c',
};

/** Opens a session with a porter that takes it up once it has been looked at so often; returns what comes of it. */
async function opened(takesUpAt: number, busy: boolean): Promise<'taken up' | 'given up'> {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-session-'));
  const path = join(directory, 's');
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  let looks = 0;
  try {
    const session = await Session.open(path, request, () => {
      looks += 1;
      if (looks === takesUpAt) for (const socket of sockets) void new FrameWriter(socket).write('accepted');
      return busy;
    });
    session?.close();
    return session === undefined ? 'given up' : 'taken up';
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(directory, { recursive: true });
  }
}

test('a porter that does nothing is given up; one that has much to do is not', async () => {
  expect(await Promise.all([opened(1000, false), opened(14, true)])).toEqual(['given up', 'taken up']);
});

test('sockets that the porters of a killed engine left are gone with the next one', () => {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-session-'));
  try {
    for (const name of ['porter-12-3.sock', 'engine.lock']) writeFileSync(join(directory, name), '');
    openPorter({ execRoot: directory, command: [] }).close();
    expect(readdirSync(directory)).toEqual(['engine.lock']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
