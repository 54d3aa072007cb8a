import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { makeAuthority, makeCertificate } from '../harness/certificates.ts';
import { startEngine, type TestEngine, until } from '../harness/index.ts';
import { DatagramServer, StreamServer } from './servers.ts';

let engine: TestEngine;
let directory = '';
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'estiba-syslog-'));
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

async function say(text: string, options: Readonly<Record<string, string>>): Promise<void> {
  const words = Object.entries(options).flatMap(([key, value]) => ['--log-opt', `${key}=${value}`]);
  await engine.dockerOk('run', '-d', '--name', text, '--log-driver', 'syslog', ...words, 'busybox', 'echo', text);
}

test('syslog over TLS: both sides show a certificate, each message says its length', async () => {
  makeAuthority(directory, 'ca');
  makeCertificate(directory, { name: 'server', authority: 'ca', use: 'server' });
  makeCertificate(directory, { name: 'client', authority: 'ca', use: 'client' });
  const file = (name: string): string => join(directory, name);
  const server = createTlsServer({
    ca: readFileSync(file('ca.pem')),
    cert: readFileSync(file('server.pem')),
    key: readFileSync(file('server.key')),
    requestCert: true,
    rejectUnauthorized: true,
  });
  await using listening = await StreamServer.listen(server, 'secureConnection');
  const trusted = {
    'syslog-address': `tcp+tls://127.0.0.1:${listening.port}`,
    'syslog-format': 'rfc5424',
    'syslog-tls-ca-cert': file('ca.pem'),
    'syslog-tls-cert': file('client.pem'),
    'syslog-tls-key': file('client.key'),
  };
  await say('trusted', trusted);
  const text = await listening.received('trusted');
  const [, length = '', message = ''] = /^(\d+) (<30>1 .*trusted\n?)$/s.exec(text) ?? [];
  expect(Number(length)).toBe(Buffer.byteLength(message));

  // Nobody vouches for the server where its authority is not named.
  const { 'syslog-tls-ca-cert': _, ...doubted } = trusted;
  await say('doubted', doubted);
  await engine.dockerOk('wait', 'doubted');
  await say('again', trusted);
  await listening.received('again');
  expect(listening.text).not.toContain('doubted');
  expect(await engine.dockerOk('logs', 'doubted')).toBe('doubted');
  await engine.dockerOk('rm', '-f', 'trusted', 'doubted', 'again');
});

test('syslog over unix sockets: of streams and of datagrams', async () => {
  const [stream, datagrams] = [join(directory, 'stream'), join(directory, 'datagrams')];
  await using listening = await StreamServer.listen(undefined, 'connection', { path: stream });
  using receiving = new DatagramServer(datagrams);
  await say('streamed', { 'syslog-address': `unix://${stream}` });
  await listening.received('streamed');
  await say('boxed', { 'syslog-address': `unixgram://${datagrams}` });
  await until('the datagram', () => receiving.received().some((text) => text.includes('boxed')));
  await engine.dockerOk('rm', '-f', 'streamed', 'boxed');
});
