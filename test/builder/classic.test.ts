/** The classic API, `POST /build`: its stream beside what Docker's own builder answered to the same requests. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startEngine, type TestEngine } from '../harness/index.ts';

setDefaultTimeout(180_000);

let engine: TestEngine;
let scratch: string;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'estiba-classic-'));
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

interface Case {
  readonly dockerfile: string;
  readonly query: string;
  readonly files: Readonly<Record<string, string>>;
  /** What Docker answers, and what it answers to the same once more when that is something else. */
  readonly answers: string[];
}

async function cases(): Promise<Case[]> {
  const found: Case[] = [];
  const text = await Bun.file(join(import.meta.dir, 'classic-streams.txt')).text();
  for (const line of text.split('\n')) {
    const last = found.at(-1);
    if (line.startsWith('[')) {
      const [dockerfile = '', query = '', files = {}] = JSON.parse(line) as [string, string, Record<string, string>?];
      found.push({ dockerfile, query, files, answers: [''] });
    } else if (line === '  --') last?.answers.push('');
    else if (line.startsWith('  ') && last !== undefined) {
      last.answers[last.answers.length - 1] += `${line.slice(2)}\n`;
    }
  }
  return found;
}

const context = { a: 'hello\n', 's.sh': '#!/bin/sh\n', 'd/x': 'x', 'd/e/y': 'y' };

/** A tar of a Dockerfile and the files of a context. */
function tarOf(files: Readonly<Record<string, string>>): Uint8Array {
  const directory = mkdtempSync(join(scratch, 'context-'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  if ('s.sh' in files) chmodSync(join(directory, 's.sh'), 0o755);
  const { stdout, exitCode, stderr } = Bun.spawnSync(['tar', '-C', directory, '-cf', '-', '.']);
  expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
}

function post(query: string, body: Uint8Array): Promise<Response> {
  return fetch(`http://engine/v1.51/build?${query}`, { unix: engine.socket, method: 'POST', body });
}

interface Message {
  readonly stream?: string;
  readonly aux?: { readonly ID: string };
  readonly error?: string;
  readonly errorDetail?: { readonly message: string; readonly code?: number };
  readonly message?: string;
}

/** An answer as the table has it: the status, the stream as text, errors and ids on lines of their own. */
async function shown(response: Response): Promise<string> {
  const lines = [String(response.status)];
  let text = '';
  const flush = (): void => {
    if (text !== '') lines.push(...text.replace(/\n+$/, '').split('\n'));
    text = '';
  };
  for (const line of (await response.text()).split(/\r?\n/)) {
    if (line === '') continue;
    const { stream, aux, error, errorDetail, message } = JSON.parse(line) as Message;
    if (stream !== undefined) {
      text += stream;
      continue;
    }
    flush();
    if (aux !== undefined) lines.push(`# ${aux.ID}`);
    const told = errorDetail?.message ?? message;
    if (errorDetail !== undefined) expect(error).toBe(errorDetail.message);
    if (told !== undefined) lines.push(`! ${told}${errorDetail?.code === undefined ? '' : ` (${errorDetail.code})`}`);
  }
  flush();
  return `${lines.join('\n')}\n`
    .replace(/sha256:[0-9a-f]{64}/g, 'ID')
    .replace(/\b[0-9a-f]{12}\b/g, 'ID')
    .replaceAll('\u001b[0m\u001b[91m', '')
    .replaceAll('\u001b[91m', '<err>')
    .replaceAll('\u001b[0m', '</err>');
}

test("the stream is that of Docker's own classic builder, from the first step to what went wrong", async () => {
  const all = await cases();
  expect(all.length).toBeGreaterThan(50);
  for (const { dockerfile, query, files, answers } of all) {
    const body = tarOf({ Dockerfile: dockerfile, ...context, ...files });
    const queries = [query, query.replace(/(?:^|&)nocache=1/, '')];
    for (const [round, answer] of answers.entries()) {
      const mine = await shown(await post(queries[round] ?? query, body));
      expect([dockerfile, query, mine]).toEqual([dockerfile, query, answer]);
    }
  }
});

test('images of steps are there, each with the one before it as its parent, and go with the last', async () => {
  const body = tarOf({ Dockerfile: 'FROM busybox\nENV A=1\nRUN echo one > /one\nCMD ["cat", "/one"]\n' });
  const text = await (await post('t=steps:latest&nocache=1', body)).text();
  const ids = [...text.matchAll(/" ---\\u003e ([0-9a-f]{12})\\n"/g)].map(([, id]) => id ?? '');
  expect(ids).toHaveLength(4);
  const [, variable = '', , last = ''] = ids;
  const inspected = await engine.get<{ Id: string; Parent: string; Config: { Env: string[] } }>(
    `/images/${variable}/json`,
  );
  expect(inspected.Config.Env).toContain('A=1');
  expect(inspected.Parent).toContain(ids[0] ?? '');
  expect(await engine.dockerOk('run', '--rm', last)).toBe('one');
  const shownIds = (await engine.dockerOk('images', '--format', '{{.ID}}')).split('\n');
  expect(shownIds).not.toContain(variable);
  await engine.dockerOk('rmi', 'steps:latest');
  expect((await engine.docker('image', 'inspect', variable)).code).not.toBe(0);
});

test('limits, hosts and networks of the request are those of steps', async () => {
  const dockerfile = [
    'FROM busybox',
    'RUN ulimit -n; df /dev/shm | tail -1 | tr -s " " | cut -d" " -f2; grep foo /etc/hosts; ls /sys/class/net',
    '',
  ].join('\n');
  const limits = encodeURIComponent('[{"Name":"nofile","Soft":100,"Hard":200}]');
  const query = `nocache=1&ulimits=${limits}&shmsize=1048576&extrahosts=foo:1.2.3.4&networkmode=none`;
  const told = await shown(await post(query, tarOf({ Dockerfile: dockerfile })));
  expect(told).toContain('\n100\n1024\n1.2.3.4\tfoo\nlo\n');
});

test('a client that leaves ends its build, and nothing of it stays', async () => {
  const leaving = new AbortController();
  const body = tarOf({ Dockerfile: 'FROM busybox\nRUN echo begun; sleep 1000\n' });
  const response = await fetch('http://engine/v1.51/build?nocache=1', {
    unix: engine.socket,
    method: 'POST',
    body,
    signal: leaving.signal,
  });
  let seen = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) {
      seen += decoder.decode(chunk, { stream: true });
      if (seen.includes('begun\\n')) leaving.abort();
    }
  } catch {
    // It is we who left.
  }
  expect(seen).toContain('begun');
  expect(await engine.settledLeftovers()).toEqual([]);
});

test('a build that speaks BuildKit may have its files in the request, without a session', async () => {
  const body = tarOf({ Dockerfile: 'FROM busybox\nCOPY a /sent\nCMD ["cat", "/sent"]\n', a: 'came along' });
  const messages = (await (await post('version=2&t=sent', body)).text()).trim().split(/\r?\n/);
  const last = JSON.parse(messages.at(-1) ?? '') as { id?: string };
  expect(last.id).toBe('moby.image.id');
  expect(await engine.dockerOk('run', '--rm', 'sent')).toBe('came along');
});
