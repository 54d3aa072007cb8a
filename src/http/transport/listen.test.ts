import { describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiResponse } from '../exchange.ts';
import { RawClient, until } from '../testing/raw-client.ts';
import { listen } from './listen.ts';
import { parseHost } from './place.ts';

const handle = async (): Promise<ApiResponse> => ({ status: 200, headers: {}, body: 'hey' });

function directory() {
  const path = mkdtempSync(join(tmpdir(), 'estiba-listen-'));
  return { socket: join(path, 's'), [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

describe('hosts', () => {
  test('both forms', () => {
    expect(parseHost('unix:///run/a.sock')).toEqual({ kind: 'unix', path: '/run/a.sock' });
    expect(parseHost('tcp://127.0.0.1:2375')).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 2375 });
    expect(parseHost('tcp://[::1]:0')).toEqual({ kind: 'tcp', host: '::1', port: 0 });
    expect(parseHost('tcp://:1')).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 1 });
    expect(parseHost('tcp://1.2.3.4')).toEqual({ kind: 'tcp', host: '1.2.3.4', port: undefined });
    expect(parseHost('fd://')).toEqual({ kind: 'descriptor', name: '' });
  });

  test.each(['', '/run/a.sock', 'unix://a.sock', 'tcp://:x', 'tcp://a:99999', 'tcp://a b:1', 'http://a'])(
    '%p is none',
    (host) => {
      expect(() => parseHost(host)).toThrow('invalid bind address');
    },
  );
});

describe('listening', () => {
  test('on a unix socket that only root and its group may use, gone after close', async () => {
    using place = directory();
    const listener = await listen(`unix://${place.socket}`, handle);
    expect(listener.address).toBe(`unix://${place.socket}`);
    expect(statSync(place.socket).mode & 0o777).toBe(0o660);
    expect(await (await fetch('http://d/', { unix: place.socket })).text()).toBe('hey');
    await listener.close();
    expect(existsSync(place.socket)).toBe(false);
  });

  test('on tcp', async () => {
    const listener = await listen('tcp://127.0.0.1:0', handle);
    const address = listener.address.replace('tcp', 'http');
    expect(await (await fetch(address)).text()).toBe('hey');
    await expect(listen(listener.address, handle)).rejects.toThrow(`can't listen on ${listener.address}`);
    await listener.close();
    await expect(fetch(address)).rejects.toThrow();
  });

  test('in place of a dead engine, never of a living one, nor of a file', async () => {
    using place = directory();
    const script = `Bun.listen({ unix: ${JSON.stringify(place.socket)}, socket: { data() {} } }); process.kill(process.pid, 'SIGKILL')`;
    await Bun.spawn([process.execPath, '-e', script]).exited;
    expect(existsSync(place.socket)).toBe(true);
    const listener = await listen(`unix://${place.socket}`, handle);
    await expect(listen(`unix://${place.socket}`, handle)).rejects.toThrow('another engine listens on it');
    await listener.close();
    writeFileSync(place.socket, '');
    await expect(listen(`unix://${place.socket}`, handle)).rejects.toThrow('no socket');
    rmSync(place.socket);
  });

  test('close lets a running request end, and drops who only waits', async () => {
    using place = directory();
    let finish = (): void => undefined;
    let running = false;
    const listener = await listen(`unix://${place.socket}`, async () => {
      running = true;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return { status: 200, headers: {}, body: 'done' };
    });
    const [idle, busy] = [new RawClient(place.socket), new RawClient(place.socket)];
    busy.request('GET /');
    await until('it runs', () => running);
    let closed = false;
    const closing = listener.close().then(() => {
      closed = true;
    });
    await idle.seesEnd();
    expect(closed).toBe(false);
    finish();
    await busy.sees('done');
    busy.socket.destroy();
    await closing;
    idle.socket.destroy();
  });
});
