import type { HealthConfig, HealthLogEntry } from '#api';
import type { Keeper } from '#keeper';
import { kindOf, messageOf } from '#std/errors';
import { formatTime, nowNs } from '#std/time';
import type { Execs } from '../exec/run.ts';
import type { ExecStore } from '../exec/store.ts';
import type { ContainerRecord } from '../record.ts';

const maximumOutputBytes = 4096;
const sigkill = 9;
/** What Docker logs for a probe that took too long. */
const timedOutCode = -1;

/** What a probe runs through. */
export interface ProbeParts {
  readonly execs: Execs;
  readonly store: ExecStore;
  readonly keeper: Keeper;
}

/** The command of a health check; undefined when it is switched off. */
export function probeCommand(record: ContainerRecord): string[] | undefined {
  const [kind, ...rest] = record.config.Healthcheck?.Test ?? [];
  if (kind === 'CMD') return rest;
  if (kind === 'CMD-SHELL') return [...(record.config.Shell ?? ['/bin/sh', '-c']), ...rest];
  return undefined;
}

/** A duration of the health configuration in milliseconds, with Docker's default. */
export function durationMs(
  config: HealthConfig,
  key: 'Interval' | 'Timeout' | 'StartPeriod' | 'StartInterval',
): number {
  const defaults = { Interval: 30_000, Timeout: 30_000, StartPeriod: 0, StartInterval: 5_000 };
  return config[key] ? config[key] / 1e6 : defaults[key];
}

/** Runs a health check once; never throws. */
export async function probe(
  { execs, store, keeper }: ProbeParts,
  record: ContainerRecord,
  command: string[],
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
    const { Id } = execs.create(record.id, { Cmd: command, AttachStdout: true, AttachStderr: true });
    const attachment = await execs.startAttached(Id, undefined);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      keeper.signal(Id, sigkill).catch(() => attachment.close());
    }, timeoutMs);
    const chunks: Buffer[] = [];
    let lengthBytes = 0;
    for await (const chunk of attachment.output as AsyncIterable<Buffer>) {
      if (lengthBytes < 2 * maximumOutputBytes) chunks.push(chunk);
      lengthBytes += chunk.length;
    }
    clearTimeout(timer);
    if (isLate) return entry(timedOutCode, `Health check exceeded timeout (${timeoutMs / 1000}s)`);
    return entry(store.get(Id)?.exitCode ?? timedOutCode, unframe(Buffer.concat(chunks)));
  } catch (error) {
    return entry(kindOf(error) === 'not-found' ? timedOutCode : 126, messageOf(error));
  }
}

/** The text of a multiplexed stream, both outputs in one, cut to what Docker keeps. */
function unframe(stream: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= stream.length; ) {
    const length = stream.readUInt32BE(at + 4);
    parts.push(stream.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts).toString('utf8', 0, maximumOutputBytes);
}
