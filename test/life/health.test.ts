import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { HealthLogEntry, HealthState } from '#api';
import { startEngine, type TestEngine, until } from '../harness/index.ts';
import { createContainer, inspect, post, removeAll, startContainer } from './made.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const ms = 1_000_000;
/** Long enough that nothing but a hang makes it pass. */
const patience = 20_000;

async function health(name: string): Promise<HealthState> {
  const { State } = await inspect(engine, name);
  if (State.Health === undefined) throw new Error(`${name} has no health`);
  return State.Health;
}

/** The first entry that a check of that kind leaves. */
async function firstEntry(Healthcheck: object, config: object = {}): Promise<HealthLogEntry> {
  const id = await startContainer(engine, { Healthcheck: { Interval: ms, ...Healthcheck }, ...config });
  const entry = await until('an entry', async () => (await health(id)).Log[0], patience);
  await removeAll(engine, id);
  return entry;
}

function becomes(name: string, status: HealthState['Status']): Promise<unknown> {
  return until(`${name} to be ${status}`, async () => (await health(name)).Status === status, patience);
}

test('what a probe says and how it ends is in the log, in Docker’s words', async () => {
  const [shell, long, killed, absent, missing, directory, late] = await Promise.all([
    firstEntry({ Test: ['CMD-SHELL', 'echo out; echo err >&2; exit 7'] }),
    firstEntry({ Test: ['CMD-SHELL', 'head -c 10000 /dev/zero | tr "\\0" x'] }),
    firstEntry({ Test: ['CMD-SHELL', 'kill -9 $$'] }),
    firstEntry({ Test: ['CMD', 'no-such-command'] }),
    firstEntry({ Test: ['CMD', '/no/such'] }),
    firstEntry({ Test: ['CMD', '/etc'] }),
    firstEntry({ Test: ['CMD-SHELL', 'echo part; sleep 600'], Timeout: 1000 * ms }),
  ]);
  expect([shell.ExitCode, shell.Output]).toEqual([7, 'out\nerr\n']);
  expect([long.ExitCode, long.Output]).toEqual([0, `${'x'.repeat(4096)}...`]);
  expect([killed.ExitCode, killed.Output]).toEqual([137, '']);
  const failed = 'OCI runtime exec failed: exec failed: unable to start container process: exec:';
  expect([absent.ExitCode, absent.Output]).toEqual([
    -1,
    `${failed} "no-such-command": executable file not found in $PATH`,
  ]);
  expect([missing.ExitCode, missing.Output]).toEqual([
    -1,
    `${failed} "/no/such": stat /no/such: no such file or directory`,
  ]);
  expect([directory.ExitCode, directory.Output]).toEqual([-1, `${failed} "/etc": permission denied`]);
  expect([late.ExitCode, late.Output]).toEqual([-1, 'Health check exceeded timeout (1s): part\n']);
});

test('a probe that is late is ended with its children, also those in the background, and the next one comes', async () => {
  const script = 'sleep 611 & (sleep 612 & sleep 613) & sleep 614';
  const id = await startContainer(engine, {
    Healthcheck: { Test: ['CMD-SHELL', script], Interval: ms, Timeout: 300 * ms },
  });
  await until('four late probes', async () => (await health(id)).FailingStreak >= 4, patience);
  await post(engine, `/containers/${id}/pause`);
  const { Processes } = await engine.get<{ Processes: string[][] }>(`/containers/${id}/top`);
  const sleepers = Processes.filter((row) => /sleep 61\d/.test(row.at(-1) ?? ''));
  // Those of the probe that the pause met, and of the one before, if it met that while it died.
  expect(sleepers.length).toBeLessThanOrEqual(8);
  await removeAll(engine, id);
});

test('a probe’s process is what an exec’s is: rights, user, limits, namespaces, cgroups, environment', async () => {
  const facts = [
    'grep -E "^(Uid|Gid|Groups|Umask|Cap|NoNewPrivs|Seccomp|SigBlk|Speculation)" /proc/self/status',
    'cat /proc/self/cgroup /proc/self/limits /proc/self/oom_score_adj /proc/self/personality',
    'for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done',
    'pwd; env | sort; ls /proc/self/fd | wc -l; readlink /proc/self/fd/0; readlink /proc/self/root',
  ].join('; ');
  const kinds = [
    {},
    { User: '1234:99', WorkingDir: '/tmp', HostConfig: { CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'] } },
    { HostConfig: { Privileged: true, PidMode: 'host', NetworkMode: 'host', IpcMode: 'host' } },
    {
      Env: ['COLOUR=blue as ever', 'PATH=/nowhere:/bin'],
      HostConfig: { CapAdd: ['SYS_PTRACE'], GroupAdd: ['33'], OomScoreAdj: 300, SecurityOpt: ['seccomp=unconfined'] },
    },
    { HostConfig: { Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }], CgroupnsMode: 'private' } },
  ];
  await Promise.all(
    kinds.map(async (kind) => {
      const Healthcheck = { Test: ['CMD', 'sh', '-c', facts], Interval: ms };
      const id = await startContainer(engine, { Hostname: 'same', Healthcheck, ...kind });
      const { Output, ExitCode } = await until('an entry', async () => (await health(id)).Log[0], patience);
      const executed = await engine.dockerOk('exec', id, 'sh', '-c', facts);
      expect(ExitCode).toBe(0);
      expect(Output.trim().split('\n')).toEqual(executed.split('\n'));
      await removeAll(engine, id);
    }),
  );
  // None of them took the runtime's way, which would be as right and cost twenty times as much.
  const kept = await (await engine.request('GET', '/events?since=0&until=1')).text();
  expect(kept).not.toContain('exec_create: sh -c grep');
}, 60_000);

test('HTTP and TCP probes reach a port of the container alone, and need no process in it', async () => {
  const serve = 'mkdir /w; echo fine > /w/index.html; exec httpd -f -p 127.0.0.1:8080 -h /w';
  const server = { Cmd: ['sh', '-c', serve] };
  const wanted = { Interval: 50 * ms, Retries: 1000 };
  const page = await startContainer(engine, {
    ...server,
    Healthcheck: { ...wanted, Test: ['HTTP', 'http://:8080/'] },
  });
  await becomes(page, 'healthy');
  expect((await health(page)).Log.at(-1)?.Output).toBe('HTTP/1.1 200 OK\nfine\n');
  const port = await startContainer(engine, { ...server, Healthcheck: { ...wanted, Test: ['TCP', '8080'] } });
  await becomes(port, 'healthy');
  const entries = await Promise.all([
    firstEntry({ Test: ['TCP', '127.0.0.1:9'] }),
    firstEntry({ Test: ['HTTP', 'http://localhost:9/'] }),
  ]);
  for (const { ExitCode, Output } of entries) expect(`${ExitCode} ${Output}`).toMatch(/^1 connect 127\.0\.0\.1:9: /);
  const absent = await startContainer(engine, {
    ...server,
    Healthcheck: { ...wanted, Test: ['HTTP', 'http://:8080/no'] },
  });
  await until('an answer', async () => (await health(absent)).Log.at(-1)?.Output.includes('404'), patience);
  await removeAll(engine, page, port, absent);
});

test('checks that lead nowhere are refused, and nothing is created', async () => {
  const before = await engine.dockerOk('ps', '-aq');
  for (const Test of [
    ['HTTP', 'https://:80/'],
    ['HTTP', 'http://example.com/'],
    ['HTTP', 'http://:0/'],
    ['HTTP'],
    ['TCP', '70000'],
    ['TCP', '80', '81'],
  ]) {
    await expect(createContainer(engine, { Healthcheck: { Test } })).rejects.toThrow(/^400 /);
  }
  const OnFailure = 'explode';
  await expect(createContainer(engine, { Healthcheck: { Test: ['NONE'], OnFailure } })).rejects.toThrow(
    '400 invalid OnFailure in Healthcheck: "explode": one of none, kill, restart, stop',
  );
  expect(await engine.dockerOk('ps', '-aq')).toBe(before);
});

test('OnFailure: kill leaves the rest to the restart policy, restart starts anew, stop stops', async () => {
  const sick = { Test: ['CMD-SHELL', 'test ! -e /trapped'], Interval: 20 * ms, Retries: 2 };
  const config = (OnFailure: string, more: Record<string, unknown> = {}) => ({
    Healthcheck: { ...sick, OnFailure },
    ...more,
  });
  const killed = await startContainer(engine, config('kill'));
  const revived = await startContainer(engine, config('kill', { HostConfig: { RestartPolicy: { Name: 'always' } } }));
  const restarted = await startContainer(engine, config('restart'));
  const stopped = await startContainer(engine, config('stop'));
  const firstStart = (await inspect(engine, restarted)).State.StartedAt;
  const ended = (id: string) =>
    until(
      'the end',
      async () => ((await inspect(engine, id)).State.Status === 'exited' ? inspect(engine, id) : undefined),
      patience,
    );
  const { State } = await ended(killed);
  expect([State.ExitCode, State.ExitReason?.Cause, State.ExitReason?.By]).toEqual([137, 'signal', 'engine']);
  expect((await ended(stopped)).State.ExitReason).toMatchObject({ Cause: 'exit', By: 'engine', Signal: 'SIGTERM' });
  await until('a restart', async () => (await inspect(engine, restarted)).State.StartedAt !== firstStart, patience);
  await until('the policy', async () => (await inspect(engine, revived)).RestartCount > 0, patience);
  await removeAll(engine, killed, revived, restarted, stopped);
}, 60_000);

test('a restart begins anew, and keeps the log; a pause is no probe; events tell of changes', async () => {
  const since = (Date.now() / 1000).toFixed(3);
  const Healthcheck = { Test: ['CMD-SHELL', 'test ! -e /sick'], Interval: 20 * ms, Retries: 1 };
  const id = await startContainer(engine, { Healthcheck });
  await becomes(id, 'healthy');
  await engine.dockerOk('exec', id, 'touch', '/sick');
  await becomes(id, 'unhealthy');
  expect((await engine.dockerOk('ps', '-f', `id=${id}`, '--format', '{{.Status}}')).endsWith('(unhealthy)')).toBe(true);
  expect((await health(id)).Log.length).toBeLessThanOrEqual(5);
  await post(engine, `/containers/${id}/pause`);
  const { Log } = await health(id);
  expect((await inspect(engine, id)).State.Health?.Log).toEqual(Log);
  await post(engine, `/containers/${id}/stop`);
  expect((await health(id)).Log.length).toBeGreaterThan(0);
  await removeAll(engine, id);
  const changes = (await engine.actionsOf(id, since)).filter((action) => action.startsWith('health_status'));
  expect(changes).toEqual(['health_status: healthy', 'health_status: unhealthy']);
});

test('nothing is left of containers that are gone', async () => {
  expect(await engine.settledLeftovers()).toEqual([]);
});
