import { control, toTimestamp } from '#build-api';
import type { ExportResponse } from '#builder';
import type { Written } from '#grpc';
import type { ProgressBatch } from '../control/build-progress.ts';

/** A blob of a record: its digest names it in the content service. */
export interface BlobReference {
  readonly mediaType: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface StepCounts {
  readonly cached: number;
  readonly total: number;
  readonly completed: number;
  readonly warnings: number;
}

/** A build in the history; without `completedAt` it goes on. */
export interface BuildRecord {
  /** The reference that its client gave it. */
  readonly id: string;
  readonly frontend: string;
  readonly frontendAttributes: Readonly<Record<string, string>>;
  readonly exporters: readonly { readonly type: string; readonly attributes: Readonly<Record<string, string>> }[];
  /** RFC 3339 with nanoseconds. */
  readonly createdAt: string;
  readonly completedAt?: string;
  readonly error?: { readonly code: number; readonly message: string };
  /** The error with its details. */
  readonly externalError?: BlobReference;
  readonly exporterResponse: ExportResponse;
  readonly logs?: BlobReference;
  readonly steps: StepCounts;
  readonly isPinned: boolean;
  /** Counts its changes. */
  readonly generation: number;
}

/** How many vertices a build has had, and what became of them. */
export function countSteps({ vertices, warnings }: ProgressBatch): StepCounts {
  return {
    cached: vertices.filter(({ isCached }) => isCached).length,
    total: vertices.length,
    completed: vertices.filter(({ completedAt }) => completedAt !== undefined).length,
    warnings: warnings.length,
  };
}

const descriptorOf = ({ mediaType, digest, sizeBytes }: BlobReference) => ({ mediaType, digest, size: sizeBytes });

/** A record as BuildKit's clients read it. */
export function recordMessage(record: BuildRecord): Written<typeof control.buildHistoryRecord> {
  const { steps, logs, externalError, error } = record;
  return {
    ref: record.id,
    frontend: record.frontend,
    frontendAttrs: new Map(Object.entries(record.frontendAttributes)),
    exporters: record.exporters.map(({ type, attributes }) => ({ type, attrs: new Map(Object.entries(attributes)) })),
    ...(error !== undefined && { error: { code: error.code, message: error.message } }),
    createdAt: toTimestamp(record.createdAt),
    completedAt: toTimestamp(record.completedAt),
    ...(logs !== undefined && { logs: descriptorOf(logs) }),
    ...(externalError !== undefined && { externalError: descriptorOf(externalError) }),
    exporterResponse: new Map(Object.entries(record.exporterResponse)),
    generation: record.generation,
    pinned: record.isPinned,
    numCachedSteps: steps.cached,
    numTotalSteps: steps.total,
    numCompletedSteps: steps.completed,
    numWarnings: steps.warnings,
  };
}

/** What an event tells of a record: that it goes on, or what it came to. */
export function eventOf(record: BuildRecord): Written<typeof control.buildHistoryEvent> {
  const { started, complete } = control.buildHistoryEventTypes;
  return { type: record.completedAt === undefined ? started : complete, record: recordMessage(record) };
}
