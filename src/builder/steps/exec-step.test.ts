import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { newId } from '#std/identifiers';
import type { LayersResult } from '../result.ts';
import { eventually, first, mount, StepLab, shell } from './testing/lab.ts';

setDefaultTimeout(60_000);
let lab: StepLab;
let base: LayersResult;
beforeAll(async () => {
  lab = new StepLab();
  await lab.start();
  base = await lab.busybox();
});
afterAll(() => lab[Symbol.asyncDispose]());

test('a step runs as root of a container on the default bridge, and what it writes is its layer', async () => {
  const script = [
    'mkdir /made && echo hello > /made/file && chown 7:8 /made/file && rm /etc/group',
    'id -u; hostname; cat /etc/hosts; env | sort; ip -4 addr show eth0 | grep -c inet',
    'grep CapEff /proc/self/status; grep Seccomp: /proc/self/status; echo oops >&2',
  ].join('\n');
  const operation = shell(script, {
    network: 'sandbox',
    environment: ['PATH=/bin', 'A=b c'],
    uncountedEnvironment: ['http_proxy=p'],
  });
  const { stdout, stderr, outputs, error } = await lab.run(operation, [base]);
  expect(error).toBeUndefined();
  expect(stdout.replace(/\t/g, ' ').split('\n')).toEqual([
    '0',
    'buildkitsandbox',
    '127.0.0.1 localhost buildkitsandbox',
    '::1 localhost ip6-localhost ip6-loopback',
    'A=b c',
    'HOME=/root',
    'PATH=/bin',
    'PWD=/',
    'SHLVL=1',
    'http_proxy=p',
    '1',
    'CapEff: 00000000a80425fb',
    'Seccomp: 2',
    '',
  ]);
  expect(stderr).toBe('oops\n');
  const layer = first(outputs);
  expect(layer.chain.slice(0, -1)).toEqual([...base.chain]);
  expect(await lab.list(layer)).toEqual([
    'etc d 755 0:0',
    'etc/group c 0 0:0',
    'made d 755 0:0',
    'made/file f 644 7:8 6',
  ]);
  const { stdout: seen } = await lab.run(shell('cat /made/file'), [layer]);
  expect(seen).toBe('hello\n');
});

test('a step that changes nothing makes an empty layer, whatever was mounted', async () => {
  const [hush, sesame] = [newId(), newId()];
  const mounts = [
    mount('tmpfs', '/x/y', { tmpfsSizeBytes: 1 << 20 }),
    mount('cache', '/var/cache/z'),
    mount('bind', '/from/here', { input: 0, selector: '/etc', isReadOnly: true }),
    mount('bind', '/from/file', { input: 0, selector: '/etc/passwd', isReadOnly: true }),
    mount('secret', '/run/secrets/s', { secret: { id: 's', uid: 3, gid: 4, mode: 0o440, isOptional: false } }),
    mount('secret', '/run/none', { secret: { id: 'none', uid: 0, gid: 0, mode: 0o400, isOptional: true } }),
  ];
  const script = [
    'df -k /x/y | tail -1 | awk "{print \\$2}"; grep root /from/file; ls /from/here; stat -c "%a %u %g" /run/secrets/s',
    'cat /run/secrets/s; echo " $TOKEN"; test -e /run/none || echo none; stat -c %a /x /var/cache; echo x > /from/file',
  ].join('\n');
  const operation = shell(
    script,
    {
      validExitCodes: [1],
      secretEnvironment: [{ id: 't', name: 'TOKEN', isOptional: false }],
    },
    mounts,
  );
  const { stdout, stderr, outputs, error } = await lab.run(operation, [base], {
    secrets: { s: hush, t: sesame },
  });
  expect(error).toBeUndefined();
  expect(stdout.split('\n')).toEqual([
    '1024',
    'root:x:0:0::/root:/bin/sh',
    'group',
    'passwd',
    '440 3 4',
    `${hush} ${sesame}`,
    'none',
    '755',
    '755',
    '',
  ]);
  expect(stderr).toContain('Read-only file system');
  const layer = first(outputs);
  expect(await lab.list(layer)).toEqual([]);
  const { outputs: others } = await lab.run(shell('true'), [base]);
  expect(first(others)).toEqual(layer);
  // No byte of a secret is on the disk.
  expect(execFileSync('sh', ['-c', `grep -rlsE "${hush}|${sesame}" ${lab.root} || true`], { encoding: 'utf8' })).toBe(
    '',
  );
});

test('in an empty file system the mount points of the kernel stay, as BuildKit leaves them', async () => {
  const programs = mount('bind', '/b', { input: 1, selector: '/bin', isReadOnly: true });
  const empty = { kind: 'layers', chain: [] } as const;
  const { stdout, outputs } = await lab.run({ ...shell('', {}, [programs]), words: ['/b/ls', '/'] }, [empty, base]);
  expect(stdout).toBe('b\ndev\netc\nproc\nsys\n');
  expect(await lab.list(first(outputs))).toEqual(['dev d 755 0:0', 'proc d 755 0:0', 'sys d 755 0:0']);
});

test('placeholders that a step has put something into stay, with what is in them', async () => {
  const script = 'echo 1 > /a/other; echo 2 > /a/b/below';
  const { outputs } = await lab.run(shell(script, {}, [mount('tmpfs', '/a/b')]), [base]);
  expect(await lab.list(first(outputs))).toEqual(['a d 755 0:0', 'a/other f 644 0:0 2']);
});

test('what is bound may be written to: thrown away, or an output of its own', async () => {
  const thrown = mount('bind', '/in', { input: 0, selector: '/etc' });
  const kept = mount('bind', '/out', { input: 0, output: 1 });
  const { outputs, error } = await lab.run(
    shell('echo x > /in/passwd; cat /in/passwd; mkdir /out/new', {}, [thrown, kept]),
    [base],
  );
  expect(error).toBeUndefined();
  expect(await lab.list(first(outputs))).toEqual([]);
  expect(await lab.list(first(outputs.slice(1)))).toEqual(['new d 755 0:0']);
  const directory = join(lab.root, 'context');
  mkdirSync(directory);
  writeFileSync(join(directory, 'file'), 'mine');
  symlinkSync('/etc', join(directory, 'away'));
  const context = { kind: 'directory', path: directory } as const;
  const writable = mount('bind', '/ctx', { input: 1 });
  const run = await lab.run(shell('echo more >> /ctx/file; cat /ctx/file', {}, [writable]), [base, context]);
  expect(run).toMatchObject({ stdout: 'minemore\n' });
  expect(readFileSync(join(directory, 'file'), 'utf8')).toBe('mine');
  // A link of the client's leads nowhere outside of its own files.
  const linked = mount('bind', '/ctx', { input: 1, selector: '/away', isReadOnly: true });
  expect((await lab.run(shell('ls /ctx', {}, [linked]), [base, context])).error).toBe(
    'process "/bin/sh -c ls /ctx" did not complete successfully: open /away: no such file or directory',
  );
});

test('no mount point is made in what is bound read-only', async () => {
  const directory = join(lab.root, 'whole');
  mkdirSync(directory);
  const bound = (target: string) => mount('bind', target, { input: 1, isReadOnly: true });
  const inputs = [base, { kind: 'directory', path: directory } as const];
  expect((await lab.run(shell('ls -A /etc', {}, [bound('/etc')]), inputs)).stdout).toBe('');
  const { error, stderr } = await lab.run(shell('true', {}, [bound('/whole'), mount('cache', '/whole/cache')]), inputs);
  expect(error).toContain('exit code: 1');
  expect(stderr).toContain('Read-only file system');
  expect(readdirSync(directory)).toEqual([]);
});

test('a step that fails says why in BuildKit’s words', async () => {
  const of = async (...words: string[]) => await lab.run({ ...shell(''), words }, [base]);
  expect(await lab.run(shell('exit 3'), [base])).toMatchObject({
    error: 'process "/bin/sh -c exit 3" did not complete successfully: exit code: 3',
    exitCode: 3,
  });
  expect(await lab.run(shell('echo "a"; kill -9 $$; exec true'), [base])).toMatchObject({ stdout: 'a\n' });
  expect(await of('/nope', 'a')).toMatchObject({
    error: 'process "/nope a" did not complete successfully: exit code: 1',
    stderr:
      'runc run failed: unable to start container process: exec: "/nope": stat /nope: no such file or directory\n',
  });
  expect((await of('nope')).stderr).toContain('exec: "nope": executable file not found in $PATH');
  expect((await of('/etc/passwd')).stderr).toContain('exec: "/etc/passwd": permission denied');
  const { outputs } = await lab.run(shell('printf garbage > /garbage; chmod +x /garbage'), [base]);
  expect(await lab.run({ ...shell(''), words: ['/garbage'] }, [first(outputs)])).toMatchObject({
    error: 'process "/garbage" did not complete successfully: exit code: 1',
    stderr: 'exec /garbage: exec format error\n',
  });
  expect((await lab.run(shell('true', { user: 'joe' }), [base])).error).toBe(
    'process "/bin/sh -c true" did not complete successfully: unable to find user joe: no matching entries in passwd file',
  );
  const secret = mount('secret', '/s', { secret: { id: 'x', uid: 0, gid: 0, mode: 0o400, isOptional: false } });
  expect((await lab.run(shell('true', {}, [secret]), [base])).error).toBe('secret x: not found');
  const ssh = mount('ssh', '/s', { ssh: { id: '', uid: 0, gid: 0, mode: 0o600, isOptional: false } });
  expect((await lab.run(shell('true', {}, [ssh]), [base])).error).toBe('unset ssh forward key default');
  expect(lab.traces()).toEqual([]);
});

test('users by name and number, a working directory that is made, limits and hosts', async () => {
  const operation = shell(
    'id -u; id -g; pwd; stat -c "%u %a" .; echo $HOME; ulimit -n; grep -c 10.1.2.3 /etc/hosts; df -k /dev/shm | tail -1 | awk "{print \\$2}"',
    {
      user: 'nobody',
      directory: '/place/here',
      environment: ['PATH=/bin'],
      ulimits: [{ name: 'nofile', soft: 100, hard: 200 }],
      extraHosts: [{ host: 'other', address: '10.1.2.3' }],
      shmSizeBytes: 2 << 20,
      resources: { Memory: 64 << 20, CpuShares: 100 },
    },
  );
  const { stdout, outputs, error } = await lab.run(operation, [base]);
  expect(error).toBeUndefined();
  expect(stdout.split('\n')).toEqual(['65534', '65534', '/place/here', '65534 755', '/', '100', '1', '2048', '']);
  expect(await lab.list(first(outputs))).toEqual(['place d 755 65534:65534', 'place/here d 755 65534:65534']);
});

test('an agent of the client is there as a socket', async () => {
  const path = join(lab.root, 'agent.sock');
  const agent = createServer((socket) => void socket.on('data', (data) => socket.end(`got ${data}`)));
  await new Promise<void>((resolve) => agent.listen(path, resolve));
  try {
    const ssh = mount('ssh', '/run/buildkit/ssh_agent.0', {
      ssh: { id: 'default', uid: 11, gid: 12, mode: 0o660, isOptional: false },
    });
    // A client of unix sockets is what the host has: this test's own runtime, with its libraries.
    const host = { kind: 'directory', path: '/' } as const;
    const taken = Object.entries({ '/bun': realpathSync(process.execPath), '/lib': '/lib', '/lib64': '/lib64' }).filter(
      ([, path]) => existsSync(path),
    );
    const code =
      'Bun.connect({ unix: process.env.SSH_AUTH_SOCK, socket: { open: (s) => s.write("hi"), data: (s, d) => process.stdout.write(d) } })';
    const operation = shell(`stat -c "%F %a %u %g" $SSH_AUTH_SOCK; /bun -e '${code}'`, {}, [
      ssh,
      ...taken.map(([target, selector]) => mount('bind', target, { input: 1, selector, isReadOnly: true })),
    ]);
    const { stdout, error, outputs } = await lab.run(operation, [base, host], { agent: path });
    expect(error).toBeUndefined();
    expect(stdout).toBe('socket 660 11 12\ngot hi');
    expect(await lab.list(first(outputs))).toEqual([]);
  } finally {
    agent.close();
  }
});

test('with its first process a step is over, whatever it has left running', async () => {
  const script = '(sleep 1000; echo late) & (sleep 1000 > /dev/null 2>&1 &) ; setsid sleep 1000 & echo done';
  const { stdout, error } = await lab.run(shell(script), [base]);
  expect(error).toBeUndefined();
  expect(stdout).toBe('done\n');
  expect(lab.traces()).toEqual([]);
});

test('a step whose runtime is killed is over', async () => {
  const begun = Promise.withResolvers<void>();
  const { ended } = lab.begin(shell('echo begun; sleep 1000'), [base], { onLog: () => begun.resolve() });
  await begun.promise;
  const [directory = ''] = lab.stepDirectories();
  process.kill(Number(readFileSync(join(directory, 'runtime.pid'), 'utf8')), 'SIGKILL');
  expect((await ended).error).toContain('exit code: 137');
  await eventually('nothing is left', () => lab.traces().length === 0);
});

test('a cancelled step is gone, with all that it has started, and leaves nothing', async () => {
  const begun = Promise.withResolvers<void>();
  const { ended, cancel } = lab.begin(
    shell(
      'echo begun; f() { f | f & }; sleep 1000 & trap "" TERM INT; while :; do sleep 1000; done',
      { network: 'sandbox' },
      [mount('tmpfs', '/x')],
    ),
    [base],
    { onLog: () => begun.resolve() },
  );
  await begun.promise;
  await cancel();
  expect((await ended).error).toContain('context canceled');
  await eventually('nothing is left', () => lab.traces().length === 0);
});

test('more output than anybody reads is cut, and costs no memory', async () => {
  const { stdout, error } = await lab.run(shell('yes aaaaaaaaaaaaaaa | head -c 50000000; exit 0'), [base]);
  expect(error).toBeUndefined();
  expect(stdout).toMatch(/\n\[output clipped, log limit (?:200KiB\/s|2MiB) reached\]\n/);
  expect(stdout.length).toBeLessThan(3 << 20);
});
