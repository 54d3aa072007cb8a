import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { estibaCommand, type Ran, run, startEngine, type TestEngine, until } from '../harness/index.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const estiba = (...args: string[]): Promise<Ran> => engine.estiba(...args);

function estibaWith(input: string | Uint8Array, ...args: string[]): Promise<Ran> {
  return run([...estibaCommand(), ...args], { environment: { DOCKER_HOST: engine.host }, input });
}

/** The CLI in a terminal of its own: what it shows, and what is typed. */
async function inTerminal(
  args: readonly string[],
  act: (terminal: {
    type(text: string): void;
    shows(pattern: RegExp): Promise<unknown>;
    resize(): void;
  }) => Promise<void>,
): Promise<{ code: number; shown: string }> {
  let shown = '';
  const child = Bun.spawn([...estibaCommand(), ...args], {
    env: { ...process.env, DOCKER_HOST: engine.host },
    terminal: {
      cols: 91,
      rows: 33,
      data: (_, bytes) => {
        shown += Buffer.from(bytes).toString();
      },
    },
  });
  await act({
    type: (text) => void child.terminal?.write(text),
    shows: (pattern) => until(`the terminal to show ${pattern}`, () => pattern.test(shown)),
    resize: () => child.terminal?.resize(100, 40),
  });
  const code = await child.exited;
  child.terminal?.close();
  return { code, shown };
}

describe('run', () => {
  test('gives what the container wrote, each stream on its own, and its exit code', async () => {
    expect(await estiba('run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 7')).toEqual({
      code: 7,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  test('exit codes 125, 126 and 127 tell who failed', async () => {
    const [unknownFlag, notRunnable, notThere, conflict] = await Promise.all([
      estiba('run', '--nmae', 'x', 'busybox'),
      estiba('run', '--rm', 'busybox', '/etc'),
      estiba('run', '--rm', 'busybox', '/nosuch'),
      estiba('run', '--rm', '--restart', 'always', 'busybox'),
    ]);
    expect(unknownFlag).toMatchObject({ code: 125, stdout: '' });
    expect(unknownFlag.stderr).toStartWith('unknown flag: --nmae\n\nDid you mean --name?\n\nUsage:  estiba run ');
    expect(notRunnable.code).toBe(126);
    expect(notThere.code).toBe(127);
    expect(notThere.stderr).toStartWith('estiba: Error response from daemon: ');
    expect(conflict).toMatchObject({ code: 125 });
    expect((await estiba('ps', '-aq')).stdout).toBe('');
  });

  test('an image that is not there is answered with what to do', async () => {
    const { code, stderr } = await estiba('run', '--rm', 'debian:bookworm', 'true');
    expect(code).toBe(125);
    expect(stderr).toContain("Unable to find image 'debian:bookworm' locally");
    expect(stderr).toContain('estiba image bootstrap');
  });

  test('standard input reaches the process and ends there', async () => {
    const large = Buffer.alloc(5_000_000, 'abcdefg\n');
    const { stdout, code } = await estibaWith(large, 'run', '-i', '--rm', 'busybox', 'cat');
    expect(code).toBe(0);
    expect(stdout === large.toString()).toBe(true);
  });

  test('-d prints the ID, --cidfile writes it', async () => {
    const file = join(engine.root, 'cid');
    const { stdout } = await estiba('run', '-d', '--name', 'background', '--cidfile', file, 'busybox', 'true');
    expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(`${readFileSync(file, 'utf8')}\n`).toBe(stdout);
    expect((await estiba('wait', 'background')).stdout).toBe('0\n');
    const again = await estiba('run', '--cidfile', file, 'busybox', 'true');
    expect(again).toMatchObject({ code: 125 });
    expect(again.stderr).toContain('container ID file found');
    expect(await estiba('rm', 'background')).toEqual({ code: 0, stdout: 'background\n', stderr: '' });
  });

  test('signals are passed on to a process without a terminal', async () => {
    const script = 'trap "echo caught; exit 4" TERM; echo ready; while :; do sleep 0.05; done';
    const child = Bun.spawn([...estibaCommand(), 'run', '--rm', 'busybox', 'sh', '-c', script], {
      env: { ...process.env, DOCKER_HOST: engine.host },
      stdin: 'ignore',
      stdout: 'pipe',
    });
    let shown = '';
    for await (const bytes of child.stdout) {
      const before = shown;
      shown += Buffer.from(bytes).toString();
      if (shown.includes('ready') && !before.includes('ready')) child.kill('SIGTERM');
    }
    expect(await child.exited).toBe(4);
    expect(shown).toBe('ready\ncaught\n');
  });
});

describe('in a terminal', () => {
  test('run -it: its size, its changes, and the exit code of the shell', async () => {
    const { code } = await inTerminal(['run', '--rm', '-it', 'busybox', 'sh'], async ({ type, shows, resize }) => {
      await shows(/# /);
      type('stty size\n');
      await shows(/33 91/);
      resize();
      type('until stty size | grep "40 100"; do sleep 0.05; done\n');
      await shows(/40 100\r/);
      type('exit 5\n');
    });
    expect(code).toBe(5);
  });

  test('the detach keys leave a container running, attach returns to it, exec goes into it', async () => {
    const keys = '\u0010\u0011';
    const left = await inTerminal(['run', '--name', 'left', '-it', 'busybox', 'sh'], async ({ type, shows }) => {
      await shows(/# /);
      type(keys);
    });
    expect(left.code).toBe(0);
    expect((await estiba('inspect', '-f', '{{.State.Running}}', 'left')).stdout).toBe('true\n');
    const attached = await inTerminal(['attach', '--detach-keys', 'ctrl-x', 'left'], async ({ type, shows }) => {
      // What is typed before the attachment is kept by our terminal, and passed on then.
      type('echo $((40 + 2))\n');
      await shows(/42\r\n/);
      type('\u0018');
    });
    expect(attached.code).toBe(1);
    expect(attached.shown).toContain('read escape sequence');
    const inside = await inTerminal(['exec', '-it', 'left', 'sh'], async ({ type, shows }) => {
      await shows(/# /);
      type('tty; exit 3\n');
      await shows(/pts/);
    });
    expect(inside.code).toBe(3);
    await estiba('rm', '-f', 'left');
  });
});

test('a client whose engine is killed ends, and says that it does not know the exit code', async () => {
  const child = Bun.spawn(
    [...estibaCommand(), 'run', '--name', 'lasting', 'busybox', 'sh', '-c', 'echo up; exec sleep 100'],
    {
      env: { ...process.env, DOCKER_HOST: engine.host },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    },
  );
  const reader = child.stdout.getReader();
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('up\n');
  await engine.kill();
  expect(await child.exited).toBe(125);
  expect(await child.stderr.text()).toStartWith('error waiting for container: ');
  await engine.start();
  expect((await estiba('ps', '--format', '{{.Names}}')).stdout).toBe('lasting\n');
  await estiba('rm', '-f', 'lasting');
});

test('start -a gives output and exit code of a container that was created', async () => {
  await estiba('create', '--name', 'later', '-i', 'busybox', 'sh', '-c', 'cat; exit 6');
  expect(await estibaWith('typed\n', 'start', '-ai', 'later')).toEqual({ code: 6, stdout: 'typed\n', stderr: '' });
  await estiba('rm', 'later');
});
