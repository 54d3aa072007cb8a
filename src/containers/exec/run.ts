import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PassThrough } from 'node:stream';
import type { ExecCreateRequest } from '#api';
import type { Events } from '#events';
import type { Keeper, KeptProcess } from '#keeper';
import { encodeOci, type OciProcess } from '#oci';
import { fail, messageOf } from '#std/errors';
import { newId } from '#std/identifiers';
import { announce } from '../announce.ts';
import { attachProcess } from '../attach/attach.ts';
import { detachBytes } from '../attach/detach-keys.ts';
import type { Catalog } from '../catalog.ts';
import { unknownExitCode } from '../exit/handle.ts';
import type { ContainerPaths } from '../paths.ts';
import { type ContainerRecord, hasProcess } from '../record.ts';
import { type Runtimes, startedBy } from '../runtimes.ts';
import { StartFailure, startFailure } from '../start/failure.ts';
import type { Attachment } from '../types.ts';
import type { ExecRecord, ExecStore } from './store.ts';

/** What execs need. */
export interface ExecParts {
  readonly catalog: Catalog;
  readonly execs: ExecStore;
  readonly events: Events;
  readonly keeper: Keeper;
  readonly paths: ContainerPaths;
  readonly runtimes: Runtimes;
  readonly buildProcess: (record: ContainerRecord, request: ExecCreateRequest) => OciProcess;
}

/** The life of execs: create, start (detached or attached), end. */
export interface Execs {
  create(name: string, request: ExecCreateRequest): { Id: string };
  startDetached(id: string): Promise<void>;
  startAttached(id: string, consoleSize: [number, number] | undefined): Promise<Attachment>;
  /** Takes an exit that the keeper told of. */
  onExit(process: KeptProcess): Promise<void>;
}

function usable(record: ContainerRecord, name: string): void {
  const { phase } = record.life;
  if (phase === 'paused') throw fail('conflict', `Container ${name} is paused, unpause the container before exec`);
  if (phase === 'restarting') {
    throw fail('conflict', `Container ${record.id} is restarting, wait until the container is running`);
  }
  if (!hasProcess(record)) throw fail('conflict', `container ${record.id} is not running`);
}

/** A frame of Docker's multiplexed stream that carries a message of the engine as output. */
function messageFrame(message: string, terminal: boolean): Buffer {
  const text = Buffer.from(`${message}\r\n`);
  if (terminal) return text;
  const header = Buffer.alloc(8);
  header[0] = 1;
  header.writeUInt32BE(text.length, 4);
  return Buffer.concat([header, text]);
}

/** How events name a command: the program, a space, then the arguments; the space also where there are none. */
function wordsOf([program = '', ...rest]: readonly string[]): string {
  return `${program} ${rest.join(' ')}`;
}

/** An unknown user is the caller's mistake here, and at a start, where Docker says the same, the container's. */
function checkUser(build: () => unknown): void {
  try {
    build();
  } catch (error) {
    if (messageOf(error).startsWith('unable to find')) throw fail('invalid-argument', messageOf(error), error);
    throw error;
  }
}

/** Makes the exec feature. */
export function createExecs(parts: ExecParts): Execs {
  const { catalog, execs, events, keeper, paths } = parts;

  function find(id: string): { exec: ExecRecord; container: ContainerRecord } {
    const exec = execs.get(id);
    const container = exec && catalog.get(exec.containerId);
    if (exec === undefined || container === undefined) throw fail('not-found', `No such exec instance: ${id}`);
    return { exec, container };
  }

  function create(name: string, request: ExecCreateRequest): { Id: string } {
    const record = catalog.find(name);
    const command = request.Cmd ?? [];
    if (command.length === 0) throw fail('invalid-argument', 'No exec command specified');
    usable(record, name);
    detachBytes(request.DetachKeys, 'escape');
    // A user that is not there is refused now, as Docker does; it is looked up again at the start.
    if (request.User) checkUser(() => parts.buildProcess(record, request));
    const id = newId();
    execs.put({ id, containerId: record.id, request, command, state: 'created', pid: 0 });
    announce(events, record, `exec_create: ${wordsOf(command)}`, { execID: id });
    return { Id: id };
  }

  function end(exec: ExecRecord, exitCode: number): void {
    execs.put({ ...exec, state: 'exited', exitCode, endedAtMs: Date.now() });
    rmSync(paths.execProcess(exec.id), { force: true });
    const container = catalog.get(exec.containerId);
    if (container !== undefined)
      announce(events, container, 'exec_die', { execID: exec.id, exitCode: String(exitCode) });
  }

  async function launch(id: string, size: [number, number] | undefined): Promise<void> {
    const { exec: starting, container } = find(id);
    const { request, command } = starting;
    announce(events, container, `exec_start: ${wordsOf(command)}`, { execID: id });
    try {
      const file = paths.execProcess(id);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, encodeOci(parts.buildProcess(container, request)));
      const [rows, columns] = size ?? request.ConsoleSize ?? [];
      const started = await keeper.start({
        id,
        container: container.id,
        kind: 'exec',
        ...startedBy(parts.runtimes.running(container)),
        runtimeRoot: paths.runtimeRoot,
        processFile: file,
        terminal: request.Tty ?? false,
        ...(rows !== undefined && columns !== undefined && { rows, columns }),
        openStdin: request.AttachStdin ?? false,
        stdinOnce: true,
        spoolDirectory: paths.directory(container.id),
      });
      // Its exit may have been told, and taken in, before this line runs.
      if (execs.get(id)?.state === 'starting') execs.put({ ...starting, state: 'running', pid: started.pid });
    } catch (error) {
      const failure = startFailure('exec', command[0] ?? '', error);
      end(starting, failure.exitCode === 128 ? 126 : failure.exitCode);
      throw failure;
    }
  }

  /** Takes an exec for one start; of two at once the second is refused. */
  function claim(id: string): ExecRecord {
    const { exec, container } = find(id);
    if (exec.state === 'exited') throw fail('conflict', `exec command ${id} has already run`);
    if (exec.state !== 'created') throw fail('conflict', `exec command ${id} is already running`);
    usable(container, container.id);
    const claimed: ExecRecord = { ...exec, state: 'starting' };
    execs.put(claimed);
    return claimed;
  }

  function unclaim(id: string): void {
    const exec = execs.get(id);
    if (exec !== undefined) execs.put({ ...exec, state: 'created' });
  }

  async function startAttached(id: string, size: [number, number] | undefined): Promise<Attachment> {
    const { request, containerId } = claim(id);
    const terminal = request.Tty ?? false;
    let detached = false;
    const attachment = await attachProcess(keeper, {
      id,
      terminal,
      stdin: request.AttachStdin ?? false,
      stdout: request.AttachStdout ?? false,
      stderr: request.AttachStderr ?? false,
      ...(request.DetachKeys && { detachKeys: request.DetachKeys }),
      onDetach: () => {
        detached = true;
        const container = catalog.get(containerId);
        if (container !== undefined) announce(events, container, 'exec_detach', { execID: id });
      },
    }).catch((error: unknown) => {
      unclaim(id);
      throw error;
    });
    const output = new PassThrough();
    let failure: StartFailure | undefined;
    attachment.output.pipe(output, { end: false });
    const launched = launch(id, size).catch((error: unknown) => {
      failure = error instanceof StartFailure ? error : new StartFailure(messageOf(error), 126, error);
      attachment.close();
    });
    // A client asks for the exit code as soon as its stream ends: it ends when the code is known.
    const finish = async (): Promise<void> => {
      await launched;
      if (failure !== undefined) output.write(messageFrame(failure.message, terminal));
      else if (!detached) await execs.exited(id);
      output.end();
    };
    const close = (): void => {
      detached = true;
      attachment.close();
    };
    attachment.output.once('close', () => void finish());
    return { ...attachment, output, close };
  }

  async function onExit(process: KeptProcess): Promise<void> {
    const exec = execs.get(process.id);
    if (exec !== undefined && exec.state !== 'exited') end(exec, process.exit?.code ?? unknownExitCode);
    await keeper.forget(process.id);
  }

  return {
    create,
    startDetached: async (id) => {
      claim(id);
      await launch(id, undefined);
    },
    startAttached,
    onExit,
  };
}
