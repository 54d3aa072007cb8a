import { PassThrough } from 'node:stream';
import type {
  ContainerCreateRequest,
  ContainerInspect,
  ContainerStats,
  ContainerSummary,
  ContainerTop,
  ContainerUpdateRequest,
  ContainerWaitResponse,
  ExecCreateRequest,
  ExecInspect,
} from '#api';
import type { Attachment, AttachOptions, Containers, LogOptions } from '#containers';
import { fail } from '#std/errors';
import { newId } from '#std/identifiers';
import { MemoryContainerFiles } from './container-files.ts';

function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(payload.byteLength, 4);
  return Buffer.concat([head, payload]);
}

interface MemoryContainer {
  readonly id: string;
  name: string;
  readonly request: ContainerCreateRequest;
  running: boolean;
  readonly attachments: Set<PassThrough>;
  readonly waiters: Set<(response: ContainerWaitResponse) => void>;
  /** What begins with the container: an attachment's input waits for it. */
  readonly onStart: Set<() => void>;
}

/** Containers without processes: `echo` says its arguments and exits with 7, `cat` gives back what it is sent. */
export class MemoryContainers extends MemoryContainerFiles implements Containers {
  readonly #containers = new Map<string, MemoryContainer>();
  readonly #execs = new Map<string, ExecCreateRequest & { started?: boolean }>();
  /** What was called, for tests to look at. */
  readonly calls: unknown[][] = [];
  /** Attachments that are open now, and waits and log streams. */
  openAttachments = 0;
  openWaits = 0;
  openLogs = 0;
  /** Bytes of the log that `logs` serves when it does not follow. */
  logChunks = 2;

  protected check(name: string): void {
    this.#find(name);
  }

  #find(name: string): MemoryContainer {
    for (const container of this.#containers.values()) {
      if (container.name === name || container.id.startsWith(name)) return container;
    }
    throw fail('not-found', `No such container: ${name}`);
  }

  async create(name: string | undefined, request: ContainerCreateRequest, platform?: string) {
    this.calls.push(['create', name, request, platform]);
    const id = newId();
    if (request.Image !== 'busybox') throw fail('not-found', `No such image: ${request.Image}:latest`);
    this.#containers.set(id, {
      id,
      name: name ?? id.slice(0, 8),
      request,
      running: false,
      attachments: new Set(),
      waiters: new Set(),
      onStart: new Set(),
    });
    return { Id: id, Warnings: [] };
  }

  async list(options: Parameters<Containers['list']>[0]): Promise<ContainerSummary[]> {
    this.calls.push(['list', options]);
    return [...this.#containers.values()].map((container) => ({
      Id: container.id,
      Names: [`/${container.name}`],
      Image: 'busybox',
      ImageID: 'sha256:aa',
      Command: 'sh',
      Created: 1,
      Ports: [],
      Labels: {},
      State: container.running ? 'running' : 'created',
      Status: 'Up 1 second',
      HostConfig: { NetworkMode: 'bridge', Annotations: { a: 'b' } },
      NetworkSettings: { Networks: {} },
      Mounts: [],
    }));
  }

  async inspect(name: string): Promise<ContainerInspect> {
    const { id, running, request } = this.#find(name);
    const known = {
      Id: id,
      Name: `/${name}`,
      State: { Running: running, Status: running ? 'running' : 'created' },
      Config: { Tty: request.Tty ?? false, OpenStdin: request.OpenStdin ?? false },
      HostConfig: { AutoRemove: false },
    };
    return known as unknown as ContainerInspect;
  }

  async start(name: string): Promise<void> {
    const container = this.#find(name);
    if (container.running) throw fail('not-modified', '');
    container.running = true;
    for (const begin of container.onStart) begin();
    const [command, ...words] = container.request.Cmd ?? [];
    if (command === 'echo') this.exit(container.id, 7, frame(`${words.join(' ')}\n`));
  }

  /** Output of a container, to all that are attached. */
  say(name: string, text: string): void {
    for (const attached of this.#find(name).attachments) attached.write(text);
  }

  /** Ends a container with a last word. */
  exit(name: string, code: number, output?: Buffer): void {
    const container = this.#find(name);
    container.running = false;
    for (const attached of container.attachments) {
      if (output) attached.write(output);
      attached.end();
    }
    for (const waiter of [...container.waiters]) waiter({ StatusCode: code });
  }

  async stop(name: string, options: object): Promise<void> {
    this.calls.push(['stop', name, options]);
    if (!this.#find(name).running) throw fail('not-modified', '');
    this.exit(name, 137);
  }
  async restart(name: string): Promise<void> {
    this.#find(name);
  }
  async kill(name: string, signal: string | undefined): Promise<void> {
    this.calls.push(['kill', name, signal]);
    this.#find(name);
  }
  async pause(name: string): Promise<void> {
    this.#find(name);
  }
  async unpause(name: string): Promise<void> {
    this.#find(name);
  }
  async update(name: string, request: ContainerUpdateRequest) {
    this.calls.push(['update', name, request]);
    this.#find(name);
    return { Warnings: null };
  }

  readonly connect = async (name: string): Promise<void> => void this.#find(name);
  readonly disconnect = this.connect;
  async rename(name: string, newName: string): Promise<void> {
    this.#find(name).name = newName;
  }
  async remove(name: string): Promise<void> {
    this.#containers.delete(this.#find(name).id);
  }
  async prune() {
    return { ContainersDeleted: null, SpaceReclaimed: 0 };
  }
  async resize(name: string, rows: number, columns: number): Promise<void> {
    this.calls.push(['resize', name, rows, columns]);
    this.#find(name);
  }

  wait(name: string, condition: string, signal: AbortSignal): { result: Promise<ContainerWaitResponse> } {
    const container = this.#find(name);
    this.calls.push(['wait', name, condition]);
    this.openWaits += 1;
    const result = new Promise<ContainerWaitResponse>((resolve, reject) => {
      const done = (response: ContainerWaitResponse) => {
        container.waiters.delete(done);
        resolve(response);
      };
      container.waiters.add(done);
      signal.addEventListener('abort', () => {
        container.waiters.delete(done);
        reject(signal.reason);
      });
    });
    const count = () => {
      this.openWaits -= 1;
    };
    result.then(count, count);
    return { result };
  }

  #attachment(
    terminal: boolean,
    framed: boolean,
  ): Attachment & { output: PassThrough; input: PassThrough; echo: () => void } {
    const output = new PassThrough();
    const input = new PassThrough();
    const echo = () =>
      input.on('data', (chunk: Buffer) => {
        if (!output.write(framed ? frame(chunk.toString()) : chunk)) input.pause();
      });
    output.on('drain', () => input.resume());
    this.openAttachments += 1;
    let open = true;
    const close = () => {
      if (!open) return;
      open = false;
      this.openAttachments -= 1;
      output.destroy();
    };
    return { output, input, terminal, close, echo };
  }

  async attach(name: string, options: AttachOptions): Promise<Attachment> {
    const container = this.#find(name);
    this.calls.push(['attach', name, options]);
    if (options.detachKeys === 'foo') throw fail('invalid-argument', 'Invalid detach keys (foo) provided');
    const terminal = container.request.Tty ?? false;
    const attachment = this.#attachment(terminal, !terminal);
    if (options.stdin) attachment.input.on('end', () => this.exit(container.id, 0));
    if (container.running) attachment.echo();
    else container.onStart.add(attachment.echo);
    container.attachments.add(attachment.output);
    attachment.output.on('close', () => container.attachments.delete(attachment.output));
    return attachment;
  }

  logs(name: string, { follow, signal, ...options }: LogOptions) {
    this.calls.push(['logs', name, { follow, ...options }]);
    this.#find(name);
    const output = async function* (this: MemoryContainers): AsyncGenerator<Uint8Array> {
      this.openLogs += 1;
      try {
        for (let chunk = 0; chunk < this.logChunks; chunk += 1) yield frame(`line ${chunk}\n`);
        if (follow) {
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        }
      } finally {
        this.openLogs -= 1;
      }
    };
    return { terminal: false, output: output.call(this) };
  }

  async stats(name: string): Promise<ContainerStats> {
    return { name: `/${this.#find(name).name}` } as ContainerStats;
  }

  followStats(name: string, signal: AbortSignal): AsyncIterable<ContainerStats> {
    const stats = { name: `/${this.#find(name).name}` } as ContainerStats;
    return (async function* () {
      yield stats;
      if (signal.aborted) return;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    })();
  }

  async top(name: string): Promise<ContainerTop> {
    this.#find(name);
    return { Processes: [], Titles: ['PID'] };
  }

  execCreate(name: string, request: ExecCreateRequest): { Id: string } {
    this.#find(name);
    const Id = newId();
    this.#execs.set(Id, request);
    return { Id };
  }

  #exec(id: string): ExecCreateRequest & { started?: boolean } {
    const exec = this.#execs.get(id);
    if (exec === undefined) throw fail('not-found', `No such exec instance: ${id}`);
    return exec;
  }

  execInspect(id: string): ExecInspect {
    const exec = this.#exec(id);
    return {
      ID: id,
      Running: false,
      ExitCode: exec.started ? 3 : null,
      ProcessConfig: { tty: exec.Tty ?? false, entrypoint: '', arguments: [], privileged: false },
      OpenStdin: false,
      OpenStderr: true,
      OpenStdout: true,
      CanRemove: false,
      ContainerID: '',
      DetachKeys: '',
      Pid: 0,
    };
  }

  async execResize(id: string): Promise<void> {
    this.#exec(id);
  }
  async execStartDetached(id: string): Promise<void> {
    this.#exec(id).started = true;
  }

  async execStart(id: string, options: { tty: boolean; consoleSize?: [number, number] }): Promise<Attachment> {
    this.calls.push(['execStart', options]);
    const exec = this.#exec(id);
    if (exec.started) throw fail('conflict', `exec command ${id} has already run`);
    exec.started = true;
    const attachment = this.#attachment(options.tty, !options.tty);
    attachment.echo();
    if (exec.Cmd?.[0] === 'cat') attachment.input.on('end', () => attachment.output.end());
    else attachment.output.end(frame(`${exec.Cmd?.slice(1).join(' ')}\n`));
    return attachment;
  }

  counts() {
    return { total: this.#containers.size, running: 0, paused: 0, stopped: 0 };
  }
}
