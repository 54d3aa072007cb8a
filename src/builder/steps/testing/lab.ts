import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listCgroups } from '#linux/cgroups';
import { readMounts } from '#linux/mount';
import { type ExecMount, type ExecOperation, execOperation } from '../../graph/operation.ts';
import type { LayersResult, Result } from '../../result.ts';
import type { Answer, Ask } from './step-engine.ts';

/** How a step ended, with all that it has said. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly outputs: readonly LayersResult[];
  readonly tookMs: number;
  readonly error?: string;
  readonly exitCode?: number;
}

/** A RUN in the shell form, as the root file system's only user of input 0; `over` says what is otherwise. */
export function shell(
  script: string,
  over: Partial<ExecOperation> = {},
  mounts: readonly ExecMount[] = [],
): ExecOperation {
  return execOperation({
    words: ['/bin/sh', '-c', script],
    environment: ['PATH=/bin'],
    network: 'none',
    mounts: [mount('bind', '/', { input: 0, output: 0 }), ...mounts],
    ...over,
  });
}

/** A mount of a step: nothing from nowhere, writable and thrown away, save for what `over` says. */
export function mount(type: ExecMount['type'], target: string, over: Partial<ExecMount> = {}): ExecMount {
  return { type, target, input: -1, selector: '', isReadOnly: false, output: -1, ...over };
}

/** The only output of a step, or its first. */
export function first(outputs: readonly LayersResult[]): LayersResult {
  const [output] = outputs;
  if (output === undefined) throw new Error('no output');
  return output;
}

/** Waits until `condition` holds, asked every few milliseconds. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await Bun.sleep(5);
  }
}

type Pending = PromiseWithResolvers<Answer> & { stdout: string; stderr: string; onLog?: (text: string) => void };

/** An engine of steps, as a process that can be killed and started again over the same root. */
export class StepLab implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'steps-'));
  readonly #pending = new Map<number, Pending>();
  #child: Bun.Subprocess<'pipe', 'pipe', 'inherit'> | undefined;
  #number = 0;
  cgroupParent = '';

  async start(): Promise<void> {
    const ready = this.#expect(0);
    const program = join(import.meta.dir, 'step-engine.ts');
    this.#child = Bun.spawn([process.execPath, program, this.root], { stdio: ['pipe', 'pipe', 'inherit'] });
    void this.#read(this.#child.stdout);
    ({ cgroupParent: this.cgroupParent } = (await ready.promise).done as { cgroupParent: string });
  }

  /** As a crash does. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#child?.exited;
  }

  /** Mount points of its mount namespace below its root. */
  mounts(): string[] {
    if (this.#child === undefined) return [];
    const inside = `${this.root}/`;
    return readMounts(this.#child.pid).flatMap(({ target }) => (target.startsWith(inside) ? [target] : []));
  }

  /** What each step that runs has for itself. The test sees it by the engine's root, for it has mounts of its own. */
  stepDirectories(): string[] {
    const steps = join(`/proc/${this.#child?.pid}/root`, this.root, 'exec/build');
    return existsSync(steps) ? readdirSync(steps).map((id) => join(steps, id)) : [];
  }

  /** What a step that is over, or was killed, might have left. */
  traces(): string[] {
    return [
      ...this.stepDirectories(),
      ...listCgroups(this.cgroupParent),
      ...readdirSync(join(this.root, 'data/snapshots/unfinished')),
      ...readdirSync(join(this.root, 'exec/netns')).filter((name) => /^[0-9a-f]{64}$/.test(name)),
      ...this.mounts().filter((target) => target.includes('/build/') || target.includes('/snapshots/')),
    ];
  }

  /** A file system with busybox and the users root and nobody. */
  async busybox(): Promise<LayersResult> {
    return (await this.ask({ do: 'busybox' })) as LayersResult;
  }

  /** What the topmost layer has, a line each: `path type mode uid:gid`, with the size of a file. */
  async list({ chain }: LayersResult): Promise<string[]> {
    return (await this.ask({ do: 'list', chain })) as string[];
  }

  async ask(ask: Omit<Ask, 'number'>): Promise<unknown> {
    const answer = await this.#send(ask).answer;
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.done;
  }

  /** Begins a step; `cancel` ends it. */
  begin(
    operation: ExecOperation,
    inputs: readonly Result[],
    more: Partial<Ask> & { onLog?: (text: string) => void } = {},
  ) {
    const { onLog, ...ask } = more;
    const { number, answer, pending } = this.#send({ do: 'run', operation, inputs, ...ask });
    if (onLog !== undefined) pending.onLog = onLog;
    const ended = answer.then(({ done, error, exitCode }): Ended => {
      const { outputs = [], tookMs = 0 } = (done ?? {}) as Partial<Ended>;
      const { stdout, stderr } = pending;
      return {
        stdout,
        stderr,
        outputs,
        tookMs,
        ...(error !== undefined && { error }),
        ...(exitCode !== undefined && { exitCode }),
      };
    });
    return { ended, cancel: () => this.ask({ do: 'cancel', of: number }) };
  }

  run(operation: ExecOperation, inputs: readonly Result[], more: Partial<Ask> = {}): Promise<Ended> {
    return this.begin(operation, inputs, more).ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A killed one is started again, to be ended well.
    if (this.#child?.signalCode !== null) await this.start();
    await this.ask({ do: 'stop' });
    await this.#child?.exited;
    rmSync(this.root, { recursive: true, force: true });
  }

  #expect(number: number): Pending {
    const pending = { ...Promise.withResolvers<Answer>(), stdout: '', stderr: '' };
    this.#pending.set(number, pending);
    return pending;
  }

  #send(ask: Omit<Ask, 'number'>): { number: number; answer: Promise<Answer>; pending: Pending } {
    this.#number += 1;
    const number = this.#number;
    const pending = this.#expect(number);
    this.#child?.stdin.write(`${JSON.stringify({ ...ask, number })}\n`);
    void this.#child?.stdin.flush();
    return { number, answer: pending.promise, pending };
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#take(JSON.parse(line) as Answer);
    }
  }

  #take(answer: Answer): void {
    const pending = this.#pending.get(answer.number);
    if (pending === undefined) return;
    if (answer.log === undefined) {
      this.#pending.delete(answer.number);
      pending.resolve(answer);
      return;
    }
    pending[answer.log.stream === 1 ? 'stdout' : 'stderr'] += answer.log.text;
    pending.onLog?.(answer.log.text);
  }
}
