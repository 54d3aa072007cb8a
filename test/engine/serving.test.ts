import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAuthority, makeCertificate } from '../harness/certificates.ts';
import { estibaCommand, processesNaming, run, startEngine, type TestEngine, until } from '../harness/index.ts';

/** Certificates, the settings' file, and one engine that serves on a unix socket, over TLS, and its metrics. */
let files: string;
let engine: TestEngine;
let secure: string;
let metrics: string;

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: string;
}

/** The engine's log; what it wrote is one JSON object a line. */
function logLines(): LogLine[] {
  const lines = engine.log().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as LogLine);
}

/** What containers get that do not say otherwise. */
const containerDefaults = {
  'default-shm-size': '32m',
  'default-ulimits': { nofile: { Name: 'nofile', Soft: 123, Hard: 456 }, core: { Name: 'core', Soft: 0, Hard: 0 } },
  dns: ['192.0.2.53'],
  'no-new-privileges': true,
  init: true,
  'host-gateway-ips': ['192.0.2.7'],
  'log-opts': { 'max-size': '5m' },
};

function settings(value: object): void {
  const always = { 'log-format': 'json', labels: ['a=1'], ...containerDefaults };
  writeFileSync(join(files, 'daemon.json'), JSON.stringify({ ...always, ...value }));
}

const tlsFlags = (client: string, authority = 'ca'): string[] => [
  '--tlsverify',
  ...['--tlscacert', join(files, `${authority}.pem`)],
  ...['--tlscert', join(files, `${client}.pem`), '--tlskey', join(files, `${client}.key`)],
];

beforeAll(async () => {
  files = mkdtempSync(join(tmpdir(), 'estiba-tls-'));
  for (const authority of ['ca', 'other']) makeAuthority(files, authority);
  makeCertificate(files, { name: 'server', authority: 'ca', use: 'server' });
  makeCertificate(files, { name: 'client', authority: 'ca', use: 'client' });
  makeCertificate(files, { name: 'expired', authority: 'ca', use: 'client', days: -1 });
  makeCertificate(files, { name: 'stranger', authority: 'other', use: 'client' });
  settings({});
  const places = ['--host', 'tcp://127.0.0.1:0', '--metrics-addr', '127.0.0.1:0'];
  engine = await startEngine({
    arguments: [...places, ...tlsFlags('server'), '--config-file', join(files, 'daemon.json')],
  });
  const ready = logLines().find(({ msg }) => msg === 'engine ready');
  const addresses = ready?.hosts?.split(' ') ?? [];
  secure = addresses[1] ?? '';
  metrics = (addresses[2] ?? '').replace('tcp:', 'http:');
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(files, { recursive: true, force: true });
});

const overTls = (client: string, ...args: readonly string[]) => {
  const environment = { DOCKER_CONFIG: files };
  return run([engine.dockerCli, '--host', secure, ...tlsFlags(client), ...args], { environment, timeoutMs: 60_000 });
};

describe('TLS', () => {
  test('streams that take the connection over go both ways, each to its own end', async () => {
    const environment = { DOCKER_CONFIG: files };
    const docker = [engine.dockerCli, '--host', secure, ...tlsFlags('client')];
    const large = 'x'.repeat(2_000_000);
    const through = await run([...docker, 'run', '--rm', '-i', 'busybox', 'cat'], { environment, input: large });
    expect([through.code, through.stdout.length]).toEqual([0, large.length]);
    expect((await overTls('client', 'run', '-d', '--name', 'secure', 'busybox', 'sleep', '600')).code).toBe(0);
    const counted = await run([...docker, 'exec', '-i', 'secure', 'wc', '-c'], { environment, input: large });
    expect(counted.stdout.trim()).toBe(String(large.length));
    expect((await overTls('client', 'exec', 'secure', 'sh', '-c', 'exit 7')).code).toBe(7);
    expect((await overTls('client', 'rm', '-f', 'secure')).code).toBe(0);
  });

  test.each(['stranger', 'expired'])('a client whose certificate is %s is not let in', async (client) => {
    const refusals = () => logLines().filter(({ msg }) => msg === 'TLS handshake failed').length;
    const before = refusals();
    const { code, stdout } = await overTls(client, 'ps');
    expect([code === 0, stdout]).toEqual([false, '']);
    await until('the log to tell', () => refusals() > before);
  });

  test('nor is one without a certificate, nor one without TLS', async () => {
    const options = { tls: { rejectUnauthorized: false } };
    await expect(fetch(`${secure.replace('tcp', 'https')}/_ping`, options)).rejects.toThrow();
    await expect(fetch(`${secure.replace('tcp', 'http')}/_ping`)).rejects.toThrow();
    expect((await engine.request('GET', '/_ping')).status).toBe(200);
  });

  test.each([
    [['--tlscert', 'nowhere.pem'], 'could not load X509 key pair'],
    [['--tlscert', 'expired.pem', '--tlskey', 'expired.key'], 'expired at'],
    [['--tlskey', 'client.key'], 'the key is not the one of the certificate'],
    [['--tlscacert', 'ca.key'], 'could not read CA certificate'],
  ])('an engine with %p does not start', async (flags, message) => {
    const given = flags.map((word) => (word.startsWith('--') ? word : join(files, word)));
    const places = ['--data-root', join(files, 'd'), '--exec-root', join(files, 'x'), '--host', 'tcp://127.0.0.1:0'];
    const { code, stderr } = await run([...estibaCommand(), 'engine', ...places, ...tlsFlags('server'), ...given]);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });
});

test('an engine whose containers could not be logged does not start', async () => {
  const places = ['--data-root', join(files, 'd'), '--exec-root', join(files, 'x'), '--host', `unix://${files}/s`];
  const { code, stderr } = await run([...estibaCommand(), 'engine', ...places, '--log-driver', 'nope']);
  expect([code, stderr]).toEqual([1, expect.stringContaining('nope')]);
});

test('nor does one whose address is taken, and it leaves nothing that was made for it', async () => {
  const places = ['--data-root', join(files, 'd'), '--exec-root', join(files, 'x'), '--host', `unix://${files}/s`];
  for (const taken of [metrics.replace('http:', 'tcp:'), engine.host]) {
    const { code, stderr } = await run([...estibaCommand(), 'engine', ...places, '--host', taken]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/can't (?:listen|create unix socket)/)]);
  }
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(files);
  expect(processesNaming(files).filter(({ command }) => command.includes(' keeper '))).toEqual([]);
});

describe('SIGHUP', () => {
  const hangUp = () => process.kill(engine.pid(), 'SIGHUP');

  test('applies what may change, and an event tells of it', async () => {
    const since = (Date.now() / 1000).toFixed(3);
    settings({ labels: ['zone=b'], debug: true, 'insecure-registries': ['10.1.0.0/16'] });
    hangUp();
    await until('the new labels', async () => (await engine.get<{ Labels: string[] }>('/info')).Labels[0] === 'zone=b');
    const info = await engine.get<{ Debug: boolean; ID: string; RegistryConfig: { InsecureRegistryCIDRs: string[] } }>(
      '/info',
    );
    expect(info.Debug).toBe(true);
    expect(info.RegistryConfig.InsecureRegistryCIDRs).toContain('10.1.0.0/16');
    const filters = encodeURIComponent('{"type":["daemon"]}');
    const now = (Date.now() / 1000 + 0.1).toFixed(3);
    const text = await (await engine.request('GET', `/events?since=${since}&until=${now}&filters=${filters}`)).text();
    const event = JSON.parse(text.trim()) as { Action: string; Actor: { ID: string; Attributes: object } };
    expect([event.Action, event.Actor.ID]).toEqual(['reload', info.ID]);
    expect(event.Actor.Attributes).toMatchObject({ labels: '["zone=b"]', debug: 'true', 'shutdown-timeout': '15' });
    // Requests are logged now, each with its fields.
    const request = logLines().findLast(({ msg }) => msg === 'request');
    expect(request).toMatchObject({ level: 'debug', method: 'GET', status: 200 });
  });

  test('leaves all as it was when the file is wrong, and says so', async () => {
    writeFileSync(join(files, 'daemon.json'), '{"log-format": "json", "labels": ["c=1"], "nope": 1}');
    hangUp();
    const told = await until('the complaint', () => logLines().find(({ msg }) => msg.startsWith('settings not read')));
    expect(told).toMatchObject({ level: 'error' });
    expect(told.error).toContain('nope');
    expect((await engine.get<{ Labels: string[] }>('/info')).Labels).toEqual(['zone=b']);
    settings({});
  });
});

test('containers take the defaults of the settings, where they do not say otherwise', async () => {
  const script =
    'ulimit -n; ulimit -Hn; df -k /dev/shm | tail -1; cat /etc/resolv.conf; cat /proc/1/comm; grep NoNew /proc/self/status';
  const flags = ['--add-host', 'there:host-gateway'];
  const said = await engine.dockerOk('run', '--rm', ...flags, 'busybox', 'sh', '-c', `${script}; cat /etc/hosts`);
  expect(said).toMatch(/^123\n456\n/);
  expect(said).toContain(' 32768 ');
  expect(said).toContain('nameserver 192.0.2.53');
  expect(said).toContain('docker-init\n');
  expect(said).toContain('NoNewPrivs:\t1');
  expect(said).toContain('192.0.2.7\tthere');
  const own = ['--ulimit', 'nofile=200:300', '--shm-size', '16m', '--init=false', '--dns', '192.0.2.54'];
  const other = await engine.dockerOk('run', '--name', 'own', ...own, 'busybox', 'sh', '-c', script);
  expect(other).toMatch(/^200\n300\n/);
  expect(other).toContain(' 16384 ');
  expect(other).toContain('nameserver 192.0.2.54');
  expect(other).not.toContain('docker-init');
  const config = await engine.dockerOk('inspect', '-f', '{{json .HostConfig.LogConfig}}', 'own');
  expect(JSON.parse(config)).toEqual({ Type: 'json-file', Config: { 'max-size': '5m' } });
  await engine.dockerOk('rm', 'own');
});

test('metrics have the names that Docker has, in the form that Prometheus reads', async () => {
  await engine.dockerOk('run', '--rm', 'busybox', 'true');
  const response = await fetch(`${metrics}/metrics`);
  expect(response.headers.get('content-type')).toContain('version=0.0.4');
  const text = await response.text();
  const value = (line: string): number =>
    Number(
      text
        .split('\n')
        .find((one) => one.startsWith(`${line} `))
        ?.split(' ')
        .at(-1),
    );
  expect(text).toMatch(/^engine_daemon_engine_info\{.*os_type="linux".*\} 1$/m);
  expect(value('engine_daemon_container_states_containers{state="running"}')).toBe(0);
  expect(value('engine_daemon_container_actions_seconds_count{action="start"}')).toBeGreaterThan(0);
  expect(value('engine_daemon_events_total')).toBeGreaterThan(3);
  expect(value('process_open_fds')).toBeGreaterThan(5);
  expect(text).toMatch(
    /^estiba_http_request_duration_seconds_bucket\{method="POST",route="\/containers\/create",code="201",le="\+Inf"\} \d+$/m,
  );
  for (const line of text.trim().split('\n')) {
    expect(line).toMatch(/^(?:# (?:HELP|TYPE) \w+ .+|\w+(?:\{.*\})? [0-9.e+-]+)$/);
  }
  expect((await fetch(`${metrics}/`)).status).toBe(404);
});

test('prune of everything, as the docker CLI asks for it', async () => {
  await engine.dockerOk('run', '--name', 'gone', 'busybox', 'true');
  const said = await engine.dockerOk('system', 'prune', '--force', '--volumes');
  expect(said).toContain('Deleted Containers:');
  expect(await engine.dockerOk('ps', '-aq')).toBe('');
});

test('login to a registry that is not there says so', async () => {
  const free = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('') });
  const address = `127.0.0.1:${free.port}`;
  await free.stop(true);
  const body = { username: 'me', password: 'secret', serveraddress: address };
  const response = await engine.request('POST', '/auth', body);
  expect(response.status).toBe(500);
  expect(((await response.json()) as { message: string }).message).toContain('connect: connection refused');
});

test('the engine is stopped over TLS', async () => {
  const stopped = await run([...estibaCommand(), 'engine', 'stop', '--host', secure, ...tlsFlags('client')]);
  expect(stopped).toMatchObject({ code: 0, stderr: '' });
  await engine.start();
});

test('without live-restore the containers end with the engine, and are there again after it', async () => {
  settings({ 'live-restore': false });
  process.kill(engine.pid(), 'SIGHUP');
  const alive = async () => (await engine.get<{ LiveRestoreEnabled: boolean }>('/info')).LiveRestoreEnabled;
  await until('the setting', async () => !(await alive()));
  const script = 'trap "exit 3" TERM; sleep 600 & wait';
  await engine.dockerOk('run', '-d', '--name', 'ends', 'busybox', 'sh', '-c', script);
  await engine.dockerOk('run', '-d', '--name', 'returns', '--restart', 'always', 'busybox', 'sh', '-c', script);
  await engine.stop();
  settings({});
  await engine.start();
  expect(await engine.dockerOk('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'ends')).toBe('exited 3');
  await until(
    'its return',
    async () => (await engine.dockerOk('inspect', '-f', '{{.State.Running}}', 'returns')) === 'true',
  );
  await engine.dockerOk('rm', '-f', 'ends', 'returns');
});
