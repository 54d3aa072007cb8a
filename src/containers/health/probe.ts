import type { HealthConfig, HealthLogEntry } from '#api';
import type { Events } from '#events';
import type { Keeper } from '#keeper';
import { formatDuration } from '#std/duration';
import { kindOf, messageOf } from '#std/errors';
import { newId } from '#std/identifiers';
import { formatTime, nowNs } from '#std/time';
import { announce } from '../announce.ts';
import type { Execs } from '../exec/run.ts';
import type { ExecStore } from '../exec/store.ts';
import type { ContainerRecord } from '../record.ts';
import { probeNetwork } from './network-probe.ts';
import { type NetworkTarget, networkTarget } from './network-target.ts';
import { keptOutput } from './output.ts';
import type { ProbeProcess } from './probe-script.ts';
import { killProbe, type Prober } from './prober.ts';
import type { HealthTarget } from './target.ts';

const sigkill = 9;
/** What Docker logs for a probe that took too long, or that could not begin. */
const noCode = -1;

/** What a probe runs through. */
export interface ProbeParts {
  readonly execs: Execs;
  readonly store: ExecStore;
  readonly keeper: Keeper;
  readonly events: Events;
  readonly prober: Prober;
  /** The process of a probe; undefined when only the runtime can make it. */
  readonly probeProcess: (record: ContainerRecord, command: readonly string[]) => ProbeProcess | undefined;
}

/** What a container's health check does. */
export type Check = { readonly command: string[] } | { readonly network: NetworkTarget };

interface ProbeResult {
  readonly exitCode: number;
  readonly output: string;
  readonly isLate: boolean;
}

/** The health check of a container; undefined when it has none, or it is switched off. */
export function checkOf({ config }: ContainerRecord): Check | undefined {
  const test = config.Healthcheck?.Test ?? [];
  const [kind, ...rest] = test;
  if (kind === 'CMD') return { command: rest };
  if (kind === 'CMD-SHELL') return { command: [...(config.Shell ?? ['/bin/sh', '-c']), ...rest] };
  const network = networkTarget(test);
  return network && { network };
}

/** A duration of the health configuration in milliseconds, with Docker's default. */
export function durationMs(
  config: HealthConfig,
  key: 'Interval' | 'Timeout' | 'StartPeriod' | 'StartInterval',
): number {
  const defaults = { Interval: 30_000, Timeout: 30_000, StartPeriod: 0, StartInterval: 5_000 };
  return config[key] ? config[key] / 1e6 : defaults[key];
}

/** By the prober; undefined when this one is for the runtime. */
async function runConfined(
  { prober, events, probeProcess }: ProbeParts,
  record: ContainerRecord,
  target: HealthTarget,
  command: readonly string[],
  timeoutMs: number,
): Promise<ProbeResult | undefined> {
  const process = target.sharesUsers ? probeProcess(record, command) : undefined;
  const end = process && (await prober.run(target, process, timeoutMs));
  if (end === undefined) return undefined;
  const execID = newId();
  const tell = (action: string, attributes: Readonly<Record<string, string>> = {}): void =>
    announce(events, record, action, { execID, ...attributes }, { isTransient: true });
  tell(`exec_create: ${command.join(' ')}`);
  tell(`exec_start: ${command.join(' ')}`);
  tell('exec_die', { exitCode: String(end.exitCode) });
  return end;
}

/** By the runtime, as any exec. */
async function runExec(
  { execs, store, keeper }: ProbeParts,
  record: ContainerRecord,
  target: HealthTarget | undefined,
  command: string[],
  timeoutMs: number,
): Promise<ProbeResult> {
  const { Id } = execs.create(record.id, { Cmd: command, AttachStdout: true, AttachStderr: true });
  const attachment = await execs.startAttached(Id, undefined);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    const pid = store.get(Id)?.pid ?? 0;
    if (target !== undefined && pid !== 0) killProbe(target.cgroup, pid);
    keeper.signal(Id, sigkill).catch(() => attachment.close());
  }, timeoutMs);
  const output = keptOutput();
  const frames = new Frames((bytes) => output.add(bytes));
  for await (const chunk of attachment.output as AsyncIterable<Buffer>) frames.add(chunk);
  clearTimeout(timer);
  const text = output.text();
  const exitCode = store.get(Id)?.exitCode ?? noCode;
  // The message of an exec that did not begin stands in its stream.
  if (text.startsWith('OCI runtime exec failed: ') && (exitCode === 126 || exitCode === 127)) {
    return { exitCode: noCode, output: text.trimEnd(), isLate };
  }
  return { exitCode, output: text, isLate };
}

/** Takes the payload out of a multiplexed stream, both outputs alike. */
class Frames {
  readonly #take: (bytes: Uint8Array) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(take: (bytes: Uint8Array) => void) {
    this.#take = take;
  }

  add(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 8) {
      const end = 8 + this.#rest.readUInt32BE(4);
      if (this.#rest.length < end) return;
      this.#take(this.#rest.subarray(8, end));
      this.#rest = this.#rest.subarray(end);
    }
  }
}

async function perform(
  parts: ProbeParts,
  record: ContainerRecord,
  target: HealthTarget | undefined,
  check: Check,
  timeoutMs: number,
): Promise<ProbeResult> {
  if ('network' in check) {
    if (target === undefined) return { exitCode: noCode, output: 'the container does not run', isLate: false };
    return probeNetwork(target.networkNamespace, check.network, timeoutMs);
  }
  const confined = target && (await runConfined(parts, record, target, check.command, timeoutMs));
  return confined ?? runExec(parts, record, target, check.command, timeoutMs);
}

/** Runs a health check once; never throws. */
export async function probe(
  parts: ProbeParts,
  record: ContainerRecord,
  target: HealthTarget | undefined,
  check: Check,
): Promise<HealthLogEntry> {
  const start = formatTime(nowNs());
  const timeoutMs = durationMs(record.config.Healthcheck ?? {}, 'Timeout');
  const entry = (ExitCode: number, Output: string): HealthLogEntry => ({
    Start: start,
    End: formatTime(nowNs()),
    ExitCode,
    Output,
  });
  try {
    const { exitCode, output, isLate } = await perform(parts, record, target, check, timeoutMs);
    if (!isLate) return entry(exitCode, output);
    const late = `Health check exceeded timeout (${formatDuration(timeoutMs * 1e6)})`;
    return entry(noCode, output === '' ? late : `${late}: ${output}`);
  } catch (error) {
    return entry(kindOf(error) === 'not-found' ? noCode : 126, messageOf(error));
  }
}
