import { afterEach, describe, expect, test } from 'bun:test';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { auth, content, control, health, secrets, ssh } from '#build-api';
import { connectGrpc, duplexOfCall, failCall, type Handlers, type Implementation, implement, serveGrpc } from '#grpc';
import { watchClient } from './heartbeat.ts';
import { type SessionOffer, Sessions } from './sessions.ts';

const never = new AbortController().signal;

const opened: Sessions[] = [];
afterEach(() => {
  for (const sessions of opened.splice(0)) sessions.close();
});

function openSessions(): Sessions {
  const receive = () => Promise.reject(new Error('no files here'));
  const sessions = new Sessions(async () => ({ prepare: () => undefined, receive }));
  opened.push(sessions);
  return sessions;
}

function offer(id: string, methods: readonly string[] = []): SessionOffer {
  return { id, name: '', sharedKey: '', methods };
}

/** A client that serves `implementations` as the session `id`. */
function join(sessions: Sessions, id: string, implementations: readonly Implementation[], methods?: readonly string[]) {
  const [near, far] = duplexPair();
  const client = serveGrpc(near, [...implementations, health.healthy]);
  const served = sessions.offer(offer(id, methods))(far);
  return { client, served };
}

describe('sessions', () => {
  test('one that comes later is waited for, one that never comes is named', async () => {
    const sessions = openSessions();
    const found = sessions.find('late', never);
    join(sessions, 'late', []);
    expect((await found).id).toBe('late');
    const stop = new AbortController();
    const missing = sessions.find('nobody', stop.signal);
    stop.abort(new Error('enough'));
    await expect(missing).rejects.toThrow('enough');
  });

  test('an id is one session at a time', async () => {
    const sessions = openSessions();
    const { client, served } = join(sessions, 'one', []);
    const session = await sessions.find('one', never);
    expect(() => sessions.offer(offer('one'))).toThrow('session one already exists');
    client.close();
    await served;
    expect(session.signal.aborted).toBe(true);
    join(sessions, 'one', []);
    expect(await sessions.find('one', never)).not.toBe(session);
  });

  test('over a call of Control.Session', async () => {
    const sessions = openSessions();
    const [near, far] = duplexPair();
    const server = serveGrpc(far, [sessions.service]);
    const connection = connectGrpc(near);
    const metadata = {
      'x-docker-expose-session-uuid': 'carried',
      'x-docker-expose-session-grpc-method': ['/a/B', '/c/D'],
    };
    const call = connection.client(control.controlService).Session({ metadata });
    const secret = implement(secrets.secretsService, { GetSecret: ({ id }) => ({ data: Buffer.from(`${id}!`) }) });
    const client = serveGrpc(duplexOfCall(call), [secret]);
    const session = await sessions.find('carried', never);
    // What is not in the list is not asked for.
    expect(await session.secret('x', never)).toBeUndefined();
    client.close();
    await Promise.all([once(session.signal, 'abort'), client.closed]);
    connection.close();
    await server.closed;
  });

  test('a client that does not answer is left', async () => {
    const [near, far] = duplexPair();
    near.resume();
    const connection = connectGrpc(far);
    watchClient(connection, { intervalMs: 5, timeoutMs: 20 });
    await connection.closed;
    near.destroy();
  });

  test('a client without a health service is there', async () => {
    const [near, far] = duplexPair();
    const asked = Promise.withResolvers<void>();
    let count = 0;
    const client = serveGrpc(near, [
      implement(health.healthService, {
        Check: () => {
          count += 1;
          if (count === 3) asked.resolve();
          throw failCall('unimplemented', 'unknown service grpc.health.v1.Health');
        },
      }),
    ]);
    const connection = connectGrpc(far);
    watchClient(connection, { intervalMs: 5, timeoutMs: 20_000 });
    await asked.promise;
    expect(connection.signal.aborted).toBe(false);
    connection.close();
    await client.closed;
  });
});

describe('what a client is asked', () => {
  async function sessionOf(implementations: readonly Implementation[], methods?: readonly string[]) {
    const sessions = openSessions();
    const { client } = join(sessions, 'it', implementations, methods);
    return { client, session: await sessions.find('it', never) };
  }

  test('secrets', async () => {
    const kept = implement(secrets.secretsService, {
      GetSecret: ({ id }) => {
        if (id === 'there') return { data: Buffer.from([0, 255]) };
        throw id === 'broken' ? failCall('internal', 'oops') : failCall('not-found', `secret ${id} not found`);
      },
    });
    const { session } = await sessionOf([kept]);
    expect(Buffer.from((await session.secret('there', never)) ?? [])).toEqual(Buffer.from([0, 255]));
    expect(await session.secret('missing', never)).toBeUndefined();
    await expect(session.secret('broken', never)).rejects.toThrow('oops');
    expect(await (await sessionOf([])).session.secret('there', never)).toBeUndefined();
  });

  test('credentials, once for each registry', async () => {
    const hosts: string[] = [];
    const known: Handlers<typeof auth.authService> = {
      Credentials: ({ host }) => {
        hosts.push(host);
        if (host === 'token.test') return { secret: 'refresh' };
        return host === 'empty.test' ? {} : { username: 'u', secret: 'p' };
      },
    };
    const { session } = await sessionOf([implement(auth.authService, known)]);
    expect(await session.credentials('docker.io')).toEqual({ username: 'u', password: 'p' });
    expect(await session.credentials('docker.io')).toEqual({ username: 'u', password: 'p' });
    expect(await session.credentials('token.test')).toEqual({ identitytoken: 'refresh' });
    expect(await session.credentials('empty.test')).toBeUndefined();
    expect(hosts).toEqual(['registry-1.docker.io', 'token.test', 'empty.test']);
  });

  test('tokens, which a client gets that keeps its password', async () => {
    const asked: string[] = [];
    const known: Handlers<typeof auth.authService> = {
      Credentials: ({ host }) => {
        asked.push(`password for ${host}`);
        return { username: 'u', secret: 'p' };
      },
      FetchToken: ({ host, realm, service, scopes }) => {
        asked.push([host, realm, service, ...scopes].join(' '));
        if (host === 'other.test') throw failCall('unimplemented', 'no tokens');
        return { token: `token ${asked.length}`, expiresIn: 300 };
      },
    };
    const methods = ['/moby.filesync.v1.Auth/FetchToken', '/moby.filesync.v1.Auth/Credentials'];
    const { session } = await sessionOf([implement(auth.authService, known)], methods);
    const keeper = (await session.credentials('docker.io'))?.keeper;
    const wanted = { realm: 'https://auth.test', service: 's', scopes: ['repository:a:pull'], fresh: false };
    expect(await keeper?.token(wanted, never)).toBe('token 1');
    expect(await keeper?.token(wanted, never)).toBe('token 1');
    expect(await keeper?.token({ ...wanted, fresh: true }, never)).toBe('token 2');
    const other = (await session.credentials('other.test'))?.keeper;
    expect(await other?.token(wanted, never)).toBeUndefined();
    expect(await other?.credentials()).toEqual({ username: 'u', password: 'p' });
    const line = 'registry-1.docker.io https://auth.test s repository:a:pull';
    expect(asked).toEqual([line, line, 'other.test https://auth.test s repository:a:pull', 'password for other.test']);
  });

  test('SSH agents, as connections', async () => {
    const agents = implement(ssh.sshService, {
      CheckAgent: ({ id }) => {
        if (id !== 'default') throw failCall('unknown', `unset ssh forward key ${id}`);
        return {};
      },
      async ForwardAgent({ messages, send }, { metadata }) {
        for await (const { data } of messages) {
          await send({ data: Buffer.from(`${metadata.get('buildkit.ssh.id')}: ${Buffer.from(data)}`) });
        }
      },
    });
    const { session } = await sessionOf([agents]);
    expect([await session.hasAgent('default'), await session.hasAgent('other')]).toEqual([true, false]);
    const agent = await session.connectAgent('');
    agent.write('who');
    expect(String((await once(agent, 'data'))[0])).toBe('default: who');
    agent.end();
    await once(agent, 'end');
  });

  test('an agent that is left ends the call', async () => {
    const over = Promise.withResolvers<void>();
    const agents = implement(ssh.sshService, {
      async ForwardAgent({ send }, { signal }) {
        signal.addEventListener('abort', () => over.resolve());
        await send({ data: Buffer.from('x') });
        await over.promise;
      },
    });
    const { session } = await sessionOf([agents]);
    const agent = await session.connectAgent('default');
    await once(agent, 'data');
    agent.destroy();
    await over.promise;
  });

  test('a client that is gone', async () => {
    const { client, session } = await sessionOf([]);
    client.close();
    await once(session.signal, 'abort');
    await expect(session.secret('x', never)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(session.hasAgent('x')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('blobs of a store, by its name', async () => {
    const blobs = new Map([['sha256:aa', Buffer.from('hello')]]);
    const stores = new Set<string>();
    const store = implement(content.contentService, {
      Info: ({ digest }, { metadata }) => {
        stores.add(metadata.get('buildkit-attachable-store-id')?.[0] ?? '');
        const blob = blobs.get(digest);
        if (blob === undefined) throw failCall('not-found', `content ${digest}: not found`);
        return { info: { digest, size: blob.byteLength } };
      },
      async *Read({ digest }) {
        for (const byte of blobs.get(digest) ?? []) yield { data: Buffer.from([byte]) };
      },
      async Write({ messages, send }) {
        const parts: Uint8Array[] = [];
        for await (const { action, data, expected } of messages) {
          if (blobs.has(expected)) throw failCall('already-exists', `content ${expected}: already exists`);
          if (action === content.writeActions.write) parts.push(data);
          if (action === content.writeActions.commit) blobs.set(expected, Buffer.concat(parts));
          await send({ action });
        }
      },
    });
    const { session } = await sessionOf([store]);
    const cache = session.contentStore('local:/cache');
    expect([await cache.sizeBytes('sha256:aa', never), await cache.sizeBytes('sha256:bb', never)]).toEqual([
      5,
      undefined,
    ]);
    expect(Buffer.concat(await Array.fromAsync(cache.read('sha256:aa', never))).toString()).toBe('hello');
    const large = Buffer.alloc(2_500_000, 7);
    const blob = {
      digest: 'sha256:cc',
      sizeBytes: large.byteLength,
      content: async function* () {
        yield large;
      },
    };
    await cache.write(blob, never);
    expect(blobs.get('sha256:cc')?.equals(large)).toBe(true);
    await cache.write(blob, never);
    expect([...stores]).toEqual(['local:/cache']);
  });
});
