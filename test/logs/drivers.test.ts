import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startEngine, type TestEngine, until } from '../harness/index.ts';
import { DatagramServer, StreamServer } from './servers.ts';

let engine: TestEngine;
let journal: DatagramServer;
let directory = '';
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'estiba-journal-'));
  const socket = join(directory, 'socket');
  journal = new DatagramServer(socket);
  engine = await startEngine({ environment: { ESTIBA_JOURNAL_SOCKET: socket } });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  journal[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

const shell = (script: string): string[] => ['busybox', 'sh', '-c', script];

function options(values: Record<string, string>): string[] {
  return Object.entries(values).flatMap(([key, value]) => ['--log-opt', `${key}=${value}`]);
}

async function run(name: string, driver: string, values: Record<string, string>, ...rest: string[]): Promise<void> {
  await engine.dockerOk('run', '--name', name, '--log-driver', driver, ...options(values), ...rest);
}

async function remove(...names: string[]): Promise<void> {
  await engine.dockerOk('rm', '-f', ...names);
}

/** The sequence 1, 2, … that a log holds, each once. */
function expectSequence(text: string, last: number): void {
  const lines = text.trimEnd().split('\n').map(Number);
  expect(lines.length).toBe(last);
  expect(lines.findIndex((line, index) => line !== index + 1)).toBe(-1);
}

test('drivers and options that are none are refused at creation, in the words of Docker', async () => {
  const wrong: readonly (readonly [string, Record<string, string>, string])[] = [
    ['nope', {}, 'error looking up logging plugin nope: plugin "nope" not found'],
    ['json-file', { foo: '1' }, "unknown log opt 'foo' for json-file log driver"],
    ['local', { labels: 'a' }, "unknown log opt 'labels' for log driver local"],
    ['syslog', { 'cache-foo': '1' }, "unknown log opt 'cache-foo' for syslog log driver"],
    ['journald', { 'max-size': '1m' }, "unknown log opt 'max-size' for journald log driver"],
    ['json-file', { mode: 'x' }, 'logger: logging mode not supported: x'],
    [
      'json-file',
      { 'max-buffer-size': '4m' },
      "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
    ],
    [
      'json-file',
      { mode: 'non-blocking', 'max-buffer-size': 'x' },
      "error parsing option max-buffer-size: invalid size: 'x'",
    ],
    ['json-file', { 'max-size': 'abc' }, "failed to initialize logging driver: invalid size: 'abc'"],
    ['json-file', { 'max-size': '0' }, 'failed to initialize logging driver: max-size must be a positive number'],
    [
      'json-file',
      { 'max-file': '0', 'max-size': '1m' },
      'failed to initialize logging driver: max-file cannot be less than 1',
    ],
    [
      'json-file',
      { 'max-file': 'x' },
      'failed to initialize logging driver: strconv.Atoi: parsing "x": invalid syntax',
    ],
    [
      'json-file',
      { compress: 'true', 'max-size': '1m' },
      'failed to initialize logging driver: compress cannot be true when max-file is less than 2 or max-size is not set',
    ],
    ['json-file', { tag: '{{.Foo' }, 'failed to initialize logging driver: template: log-tag:1: unclosed action'],
    [
      'json-file',
      { tag: '{{.Foo}}' },
      'failed to initialize logging driver: template: log-tag:1:2: executing "log-tag" at <.Foo>: can\'t evaluate field Foo in type *logger.Info',
    ],
    ['json-file', { 'labels-regex': '(' }, 'failed to initialize logging driver: error parsing regexp: `(`'],
    [
      'json-file',
      { 'env-regex': '(a+)+$' },
      'failed to initialize logging driver: error parsing regexp: nested repetition is not supported: `(a+)+$`',
    ],
    [
      'local',
      { 'max-file': '1' },
      'failed to initialize logging driver: compression cannot be enabled when max file count is 1',
    ],
    ['syslog', { 'syslog-address': 'foo' }, "unsupported scheme: ''"],
    ['syslog', { 'syslog-address': 'http://a:1' }, "unsupported scheme: 'http'"],
    ['syslog', { 'syslog-address': 'unix:///nonexistent' }, 'stat /nonexistent: no such file or directory'],
    ['syslog', { 'syslog-address': 'udp://:x' }, 'parse "udp://:x": invalid port ":x" after host'],
    ['syslog', { 'syslog-facility': '99' }, 'invalid syslog facility'],
    ['syslog', { 'syslog-format': 'foo' }, 'Invalid syslog format'],
    ['syslog', { 'cache-disabled': 'x' }, 'invalid value for option cache-disabled: x'],
  ];
  for (const [Type, Config, message] of wrong) {
    const body = { Image: 'busybox', HostConfig: { LogConfig: { Type, Config } } };
    const response = await engine.request('POST', '/containers/create', body);
    expect([response.status, await response.json()]).toEqual([400, { message }]);
  }
  expect(await engine.get<unknown[]>('/containers/json?all=1')).toEqual([]);
});

test('json-file: labels, environment and tag stand in the file and are the details of a line', async () => {
  const chosen = { labels: 'a,missing', 'labels-regex': '^t', env: 'E1', tag: '{{.Name}}/{{.ImageName}}/{{.Command}}' };
  const described = ['--label', 'a=x y', '--label', 'time=<1>', '-e', 'E1=v=,*', '-e', 'E2=2'];
  await run('detailed', 'json-file', chosen, ...described, ...shell('echo "\\",\\"stream\\":\\"stderr"'));
  const path = await engine.dockerOk('inspect', '-f', '{{.LogPath}}', 'detailed');
  const attributes =
    '"attrs":{"E1":"v=,*","a":"x y","tag":"detailed/busybox/sh -c echo \\"\\\\\\",\\\\\\"stream\\\\\\":\\\\\\"stderr\\"","time":"\\u003c1\\u003e"}';
  expect(readFileSync(path, 'utf8')).toContain(attributes);
  const details = await engine.dockerOk('logs', '--details', 'detailed');
  expect(details).toMatch(/^E1=v%3D%2C%2A,a=x\+y,tag=detailed%2Fbusybox%2Fsh\+[^ ]*,time=%3C1%3E ","stream":"stderr$/);
  expect(await engine.dockerOk('logs', '-t', '--details', 'detailed')).toMatch(/^\d{4}-[^ ]*Z E1=/);
  expect(await engine.dockerOk('logs', 'detailed')).toBe('","stream":"stderr');
  await remove('detailed');
});

for (const driver of ['json-file', 'local']) {
  test(`${driver}: rotated and compressed, read whole, from its end, and followed, each line once`, async () => {
    const values = { 'max-size': '100k', 'max-file': '40', compress: 'true' };
    const script = 'while [ ! -e /go ]; do sleep 0.02; done; seq 20000; sleep 0.3; seq 20001 30000';
    await engine.dockerOk(
      ...['run', '-d', '--name', driver, '--log-driver', driver, ...options(values), ...shell(script)],
    );
    const follower = engine.docker('logs', '-f', driver);
    await engine.docker('exec', driver, 'touch', '/go');
    const late = engine.docker('logs', '-f', driver);
    await engine.dockerOk('wait', driver);
    for (const { stdout } of [await follower, await late, await engine.docker('logs', driver)])
      expectSequence(stdout, 30_000);
    expect(await engine.dockerOk('logs', '-n', '3', driver)).toBe('29998\n29999\n30000');
    const tail = await engine.docker('logs', '-n', '15000', driver);
    expect(tail.stdout.startsWith('15001\n')).toBe(true);
    const id = await engine.dockerOk('inspect', '-f', '{{.Id}}', driver);
    const logs = join(engine.dataRoot, 'containers', id, driver === 'local' ? 'local-logs' : '.');
    const rotated = readdirSync(logs).filter((name) => /log\.\d+/.test(name));
    expect(rotated.filter((name) => name.endsWith('.gz')).length).toBeGreaterThan(1);
    expect(rotated.filter((name) => !/log\.(?:1|\d+\.gz)$/.test(name))).toEqual([]);
    await remove(driver);
  });
}

test('a keeper killed while logs are rotated and compressed loses no line and doubles none', async () => {
  const values = { 'max-size': '30k', 'max-file': '200', compress: 'true' };
  const script = 'i=0; while [ $i -lt 60 ]; do seq $((i * 500 + 1)) $((i * 500 + 500)); sleep 0.06; i=$((i + 1)); done';
  await engine.dockerOk('run', '-d', '--name', 'idle', 'busybox', 'sleep', '600');
  const names = ['json-file', 'local'];
  for (const name of names)
    await engine.dockerOk(...['run', '-d', '--name', name, '--log-driver', name, ...options(values), ...shell(script)]);
  for (let round = 0; round < 5; round++) {
    await engine.killKeeper();
    // When that is answered, the next keeper serves.
    await until('the next keeper', async () => (await engine.docker('exec', 'idle', 'true')).code === 0);
  }
  await engine.dockerOk('wait', ...names);
  for (const name of names) expectSequence((await engine.docker('logs', name)).stdout, 30_000);
  await remove('idle', ...names);
});

test('local: times, streams and unfinished lines', async () => {
  await run('plain', 'local', {}, ...shell('echo one; echo bad >&2; printf "no end"'));
  expect(await engine.docker('logs', 'plain')).toEqual({ code: 0, stdout: 'one\nno end', stderr: 'bad\n' });
  const timed = (await engine.docker('logs', '-t', '--details', 'plain')).stdout;
  expect(timed).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z {2}one\n/);
  expect(await engine.dockerOk('logs', '--until', '1h', 'plain')).toBe('');
  expect((await engine.docker('logs', '--since', '1h', 'plain')).stdout).toBe('one\nno end');
  expect(await engine.dockerOk('inspect', '-f', '{{.LogPath}}', 'plain')).toBe('');
  await remove('plain');
});

test('one file alone is bounded too, and whoever follows it misses nothing', async () => {
  const values = { 'max-size': '50k', 'max-file': '1' };
  const script =
    'while [ ! -e /go ]; do sleep 0.02; done; i=0; while [ $i -lt 20 ]; do seq 100; sleep 0.02; i=$((i + 1)); done';
  await engine.dockerOk('run', '-d', '--name', 'single', ...options(values), ...shell(script));
  const follower = engine.docker('logs', '-f', 'single');
  await until('the follower', async () => (await engine.docker('logs', 'single')).code === 0);
  await engine.docker('exec', 'single', 'touch', '/go');
  expect((await follower).stdout.trimEnd().split('\n').length).toBe(2000);
  const path = await engine.dockerOk('inspect', '-f', '{{.LogPath}}', 'single');
  expect(statSync(path).size).toBeLessThanOrEqual(50_000);
  expect(readdirSync(dirname(path)).filter((name) => name.includes('json.log')).length).toBe(1);
  await remove('single');
});

test('none, and a driver whose cache is off: nothing to read, in the words of Docker', async () => {
  await run('silent', 'none', {}, ...shell('echo unheard'));
  await using server = await StreamServer.listen();
  const address = `tcp://127.0.0.1:${server.port}`;
  await run('uncached', 'syslog', { 'syslog-address': address, 'cache-disabled': 'true' }, ...shell('echo heard'));
  await server.received('heard');
  for (const name of ['silent', 'uncached']) {
    const response = await engine.request('GET', `/containers/${name}/logs?stdout=1`);
    expect(response.status).toBe(501);
    expect(await response.json()).toEqual({ message: 'configured logging driver does not support reading' });
  }
  await remove('silent', 'uncached');
});

test('syslog: each format, and tags that begin no line of their own', async () => {
  await using server = await StreamServer.listen();
  const address = `tcp://127.0.0.1:${server.port}`;
  const script = 'echo "out $0"; echo "err $0" >&2';
  const formats: readonly (readonly [string, Record<string, string>])[] = [
    ['default', {}],
    ['rfc3164', { 'syslog-format': 'rfc3164', 'syslog-facility': 'local3', tag: '{{.Name}} x' }],
    ['rfc5424', { 'syslog-format': 'rfc5424', tag: 'a b' }],
    ['rfc5424micro', { 'syslog-format': 'rfc5424micro', 'syslog-facility': '1', tag: 'x\n<0>{{.Name}}' }],
  ];
  for (const [name, values] of formats) {
    await run(name, 'syslog', { 'syslog-address': address, ...values }, ...shell(script), name);
    await server.received(`err ${name}`);
  }
  const lines = server.text.trimEnd().split('\n');
  const id = (await engine.dockerOk('inspect', '-f', '{{.Id}}', 'default')).slice(0, 12);
  const expected = [
    new RegExp(`^<30>[A-Z][a-z]{2} [ \\d]\\d [\\d:]{8} ${id}\\[\\d+\\]: out default$`),
    new RegExp(`^<27>[A-Z][a-z]{2} [ \\d]\\d [\\d:]{8} ${id}\\[\\d+\\]: err default$`),
    /^<158>[A-Z][a-z]{2} [ \d]\d [\d:]{8} \S+ rfc3164 x\[\d+\]: out rfc3164$/,
    /^<155>.* rfc3164 x\[\d+\]: err rfc3164$/,
    /^<30>1 \d{4}-\d\d-\d\dT[\d:]{8}(?:Z|[+-]\d\d:\d\d) \S+ a_b \d+ a_b - out rfc5424$/,
    /^<27>1 .* a_b \d+ a_b - err rfc5424$/,
    /^<14>1 \d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}(?:Z|[+-]\d\d:\d\d) \S+ x_<0>rfc5424micro \d+ x_<0>rfc5424micro - out rfc5424micro$/,
    /^<11>1 .* - err rfc5424micro$/,
  ];
  // The streams of one container are two: which of its lines comes first is not said.
  for (const pattern of expected) expect(lines.filter((line) => pattern.test(line)).length).toBe(1);
  expect(lines.length).toBe(expected.length);
  // What a server was told can be read back from the cache.
  expect(await engine.docker('logs', 'rfc5424')).toEqual({ code: 0, stdout: 'out rfc5424\n', stderr: 'err rfc5424\n' });
  await remove(...formats.map(([name]) => name));
});

test('syslog over UDP: a datagram a line', async () => {
  const received: string[] = [];
  const socket = await Bun.udpSocket({
    hostname: '127.0.0.1',
    socket: { data: (_socket, bytes) => void received.push(bytes.toString()) },
  });
  await run(
    'udp',
    'syslog',
    { 'syslog-address': `udp://127.0.0.1:${socket.port}` },
    ...shell('echo 1; echo 2; printf 3'),
  );
  await until('three datagrams', () => received.length >= 3);
  expect(received.map((text) => text.replace(/^.*: /, ''))).toEqual(['1\n', '2\n', '3\n']);
  socket.close();
  await remove('udp');
});

test('a server that is away holds nobody up, and gets what was kept for it when it is back', async () => {
  const first = await StreamServer.listen();
  const { port } = first;
  await first[Symbol.asyncDispose]();
  const values = { 'syslog-address': `tcp://127.0.0.1:${port}`, mode: 'non-blocking', 'max-buffer-size': '100k' };
  const script = 'echo first; seq 50000; echo last; while [ ! -e /go ]; do sleep 0.02; done; echo after';
  await engine.dockerOk(
    ...['run', '-d', '--name', 'away', '--log-driver', 'syslog', ...options(values), ...shell(script)],
  );
  await until('all lines in the cache', async () => (await engine.dockerOk('logs', '-n', '1', 'away')) === 'last');
  await using server = await StreamServer.listen(undefined, 'connection', { port, host: '127.0.0.1' });
  await server.received('first');
  // Room for the newest comes as the oldest go.
  // Killed where its container ends before it: its exit code says nothing.
  await engine.docker('exec', 'away', 'touch', '/go');
  expect(await engine.dockerOk('wait', 'away')).toBe('0');
  const lines = (await engine.docker('logs', 'away')).stdout.trimEnd().split('\n');
  expect([lines.length, lines[0], lines.at(-1)]).toEqual([50_003, 'first', 'after']);
  // Bounded: not all that was said can have waited.
  expect(server.text.split('\n').length).toBeLessThan(50_000);
  await remove('away');
});

test('journald: the fields of Docker, and none that a line or a label makes up', async () => {
  const described = ['--label', 'my.label=a\nMESSAGE=forged', '-e', '_E1=x'];
  const script = 'echo out; echo err >&2; printf "%20000s\\n" x';
  await run(
    'journal',
    'journald',
    { labels: 'my.label', env: '_E1', tag: 'T{{.Name}}' },
    ...described,
    ...shell(script),
  );
  const entries = () => journal.received().filter((text) => text.includes('CONTAINER_NAME=journal\n'));
  await until('four entries', () => entries().length >= 4);
  const id = await engine.dockerOk('inspect', '-f', '{{.Id}}', 'journal');
  const out = entries().find((text) => text.includes('MESSAGE=out\n')) ?? '';
  for (const field of [
    ...['PRIORITY=6', `CONTAINER_ID=${id.slice(0, 12)}`, `CONTAINER_ID_FULL=${id}`, 'CONTAINER_TAG=Tjournal'],
    ...['IMAGE_NAME=busybox', 'SYSLOG_IDENTIFIER=Tjournal', 'E1=x'],
  ])
    expect(out).toContain(`${field}\n`);
  expect(out).toContain('MY_LABEL\n\x10\0\0\0\0\0\0\0a\nMESSAGE=forged\n');
  expect(entries().find((text) => text.includes('MESSAGE=err\n'))).toContain('PRIORITY=3\n');
  const parts = entries().filter((text) => text.includes('CONTAINER_PARTIAL_ID='));
  expect(parts.length).toBe(2);
  expect(parts[0]).toContain('CONTAINER_PARTIAL_MESSAGE=true\n');
  expect(parts[0]).toContain('CONTAINER_PARTIAL_ORDINAL=1\n');
  expect(parts[1]).toContain('CONTAINER_PARTIAL_LAST=true\n');
  expect(parts[1]).not.toContain('CONTAINER_PARTIAL_MESSAGE');
  expect((await engine.docker('logs', 'journal')).stdout.length).toBe(4 + 20_001);
  await remove('journal');
});
