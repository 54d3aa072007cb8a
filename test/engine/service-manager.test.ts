import { expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { estibaCommand, startEngine, until } from '../harness/index.ts';

/** A service manager: opens a socket, hands it over as descriptor 3, and becomes the program (sd_listen_fds(3)). */
const handOver = `
import os, socket, sys
path, program = sys.argv[1], sys.argv[2:]
if 'stop' not in program:
    if os.path.exists(path): os.unlink(path)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(64)
    os.dup2(server.fileno(), 3)
    os.set_inheritable(3, True)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='estiba.socket')
os.execvp(program[0], program)
`;

/** Its other half: prints what it is told (sd_notify(3)). */
const hear = `
import socket, sys
ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ear.bind(sys.argv[1])
while True: print(ear.recv(4096).decode().replace('\\n', ' '), flush=True)
`;

test('sockets come from a service manager, and it is told of readiness, reloads and the end', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-service-'));
  const [socket, notify, heard] = ['s', 'n', 'heard'].map((name) => join(directory, name)) as [string, string, string];
  const ear = Bun.spawn(['python3', '-c', hear, notify], { stdout: Bun.file(heard) });
  const told = (state: string) => until(state, () => existsSync(heard) && readFileSync(heard, 'utf8').includes(state));
  try {
    await until('the ear', () => existsSync(notify));
    await using engine = await startEngine({
      empty: true,
      command: ['python3', '-c', handOver, socket, ...estibaCommand()],
      arguments: ['--host', 'fd://'],
      environment: { NOTIFY_SOCKET: notify },
    });
    await told('READY=1');
    const ask = () => fetch('http://d/_ping', { unix: socket });
    expect(await (await ask()).text()).toBe('OK');
    // Its children must not hold the socket: with it, they would keep clients waiting for an answer that never comes.
    const keeper = `/proc/${engine.keeperPid()}`;
    expect(readFileSync(`${keeper}/environ`, 'utf8')).not.toContain('LISTEN_FDS');
    const handed = readlinkSync(`/proc/${engine.pid()}/fd/3`);
    expect(handed).toStartWith('socket:');
    expect(readdirSync(`${keeper}/fd`).map((fd) => readlinkSync(`${keeper}/fd/${fd}`))).not.toContain(handed);
    process.kill(engine.pid(), 'SIGHUP');
    await told('RELOADING=1 MONOTONIC_USEC=');
    await engine.stop();
    await told('STOPPING=1');
    await expect(ask()).rejects.toThrow();
    await engine.start();
    expect((await ask()).status).toBe(200);
  } finally {
    ear.kill();
    rmSync(directory, { recursive: true, force: true });
  }
});
