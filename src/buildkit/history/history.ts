import type { control } from '#build-api';
import type { ExportResponse } from '#builder';
import { type GrpcError, statusCodes, status as statusMessage, type Written } from '#grpc';
import { fail } from '#std/errors';
import { formatTime, nowNs, parseTime } from '#std/time';
import type { Collection, Records } from '#store';
import type { ProgressBatch } from '../control/build-progress.ts';
import { type HistoryBlobs, openHistoryBlobs } from './blobs.ts';
import { matchesFilters } from './filter.ts';
import { logsType, packLogs, unpackLogs } from './logs.ts';
import { attestationMediaType } from './provenance.ts';
import { type BuildRecord, countSteps, eventOf, recordMessage } from './record.ts';

type HistoryEvent = Written<typeof control.buildHistoryEvent>;

/** As Docker keeps them by default. */
const keptRecords = 50;
const keptAgeNs = 48n * 3600n * 1_000_000_000n;
const errorType = 'application/vnd.googeapis.google.rpc.status+proto';
const deleted = 2;

export type BuildStart = Pick<BuildRecord, 'id' | 'frontend' | 'frontendAttributes' | 'exporters'>;

/** What a build came to. */
export interface BuildOutcome {
  readonly response?: ExportResponse;
  readonly error?: GrpcError;
  /** By platform; empty for the only one. */
  readonly provenances?: ReadonlyMap<string, Uint8Array> | undefined;
}

/** Builds that were, and those that go on; what is known of them outlives the engine. */
export class History {
  private readonly records: Collection<BuildRecord>;
  private readonly blobs: HistoryBlobs;
  private readonly listeners = new Set<(record: BuildRecord, isDeleted: boolean) => void>();

  constructor(private readonly store: Records) {
    this.records = store.collection<BuildRecord>('build-history');
    this.blobs = openHistoryBlobs(store);
    this.closeInterrupted();
  }

  begin(start: BuildStart): void {
    const steps = { cached: 0, total: 0, completed: 0, warnings: 0 };
    this.blobs.remove(start.id);
    this.put({ ...start, createdAt: formatTime(nowNs()), exporterResponse: {}, steps, isPinned: false, generation: 0 });
  }

  complete(id: string, batch: ProgressBatch, outcome: BuildOutcome): void {
    const record = this.records.get(id);
    if (record === undefined) return;
    const { response, error, provenances = new Map() } = outcome;
    this.store.transaction(() => {
      this.put({
        ...record,
        completedAt: formatTime(nowNs()),
        exporterResponse: response ?? {},
        steps: countSteps(batch),
        logs: this.blobs.put(id, logsType, packLogs(batch)),
        provenances: [...provenances].map(([platform, content]) => {
          return { platform, blob: this.blobs.put(id, attestationMediaType, content) };
        }),
        ...(error !== undefined && this.errorOf(id, error)),
        generation: record.generation + 1,
      });
      this.forget();
    });
  }

  /** What a build that has ended has told; undefined when it is not known. */
  logs(id: string): Iterable<Written<typeof control.statusResponse>> | undefined {
    const packed = this.records.get(id)?.logs;
    const bytes = packed && this.blobs.get(packed.digest);
    return bytes && unpackLogs(bytes);
  }

  blob(digest: string): Uint8Array | undefined {
    return this.blobs.get(digest);
  }

  pin(id: string, isPinned: boolean): void {
    const record = this.find(id);
    if (record.isPinned !== isPinned) this.put({ ...record, isPinned, generation: record.generation + 1 });
  }

  delete(id: string): void {
    this.remove(this.find(id));
  }

  /** Those that are known, then, unless the client leaves early, what comes. */
  async *listen(request: control.BuildHistoryRequest, signal: AbortSignal): AsyncGenerator<HistoryEvent> {
    const isWanted = (record: BuildRecord): boolean =>
      (request.ref === '' || record.id === request.ref) &&
      (!request.activeOnly || record.completedAt === undefined) &&
      matchesFilters(record, request.filter);
    const queue: HistoryEvent[] = this.newestFirst().filter(isWanted).map(eventOf);
    if (request.limit > 0) queue.splice(request.limit);
    if (request.earlyExit) {
      yield* queue;
      return;
    }
    let wake = Promise.withResolvers<void>();
    const listener = (record: BuildRecord, isDeleted: boolean): void => {
      if (request.ref !== '' && record.id !== request.ref) return;
      queue.push(isDeleted ? { type: deleted, record: recordMessage(record) } : eventOf(record));
      wake.resolve();
    };
    const stop = (): void => wake.resolve();
    this.listeners.add(listener);
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        yield* queue.splice(0);
        if (queue.length === 0 && !signal.aborted) await wake.promise;
        wake = Promise.withResolvers();
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.listeners.delete(listener);
    }
  }

  private find(id: string): BuildRecord {
    const record = this.records.get(id);
    if (record === undefined) throw fail('not-found', `no record found for ref ${id}`);
    return record;
  }

  private put(record: BuildRecord): void {
    this.records.put(record);
    for (const tell of this.listeners) tell(record, false);
  }

  private remove(record: BuildRecord): void {
    this.store.transaction(() => {
      this.records.delete(record.id);
      this.blobs.remove(record.id);
    });
    for (const tell of this.listeners) tell(record, true);
  }

  private newestFirst(): BuildRecord[] {
    const startNs = ({ createdAt }: BuildRecord): bigint => parseTime(createdAt) ?? 0n;
    return [...this.records.all()].sort((a, b) => (startNs(a) < startNs(b) ? 1 : -1));
  }

  private errorOf(id: string, { code, message, details }: GrpcError): Pick<BuildRecord, 'error' | 'externalError'> {
    const content = statusMessage.encode({ code, message, details });
    return { error: { code, message }, externalError: this.blobs.put(id, errorType, content) };
  }

  /** Builds that an engine left when it was killed. */
  private closeInterrupted(): void {
    const error = { code: statusCodes.unavailable, message: 'the engine ended during the build' };
    for (const record of [...this.records.all()]) {
      if (record.completedAt === undefined) this.put({ ...record, completedAt: formatTime(nowNs()), error });
    }
  }

  /** Removes what is too old, and what is too many; not what a client has pinned. */
  private forget(): void {
    const oldest = nowNs() - keptAgeNs;
    const ended = this.newestFirst().filter((record) => record.completedAt !== undefined && !record.isPinned);
    for (const [index, record] of ended.entries()) {
      const isOld = (parseTime(record.createdAt) ?? 0n) < oldest;
      if (isOld || index >= keptRecords) this.remove(record);
    }
  }
}
