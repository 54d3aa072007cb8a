import { control, toTimestamp } from '#build-api';
import type { ExportResponse } from '#builder';
import type { Written } from '#grpc';
import type { ProgressBatch } from '../control/build-progress.ts';
import { provenanceType } from './provenance.ts';

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
  /** Where its outputs come from, by platform (empty for the only one). */
  readonly provenances?: readonly { readonly platform: string; readonly blob: BlobReference }[];
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

/** The image of a build that made one, as far as its exporter has told. */
function imageOf({ exporterResponse }: BuildRecord) {
  const digest = exporterResponse['containerimage.config.digest'];
  return digest === undefined ? undefined : { mediaType: 'application/vnd.docker.container.image.v1+json', digest };
}

function resultsOf(record: BuildRecord): Pick<Written<typeof control.buildHistoryRecord>, 'result' | 'results'> {
  const image = imageOf(record);
  const made = image === undefined ? {} : { resultDeprecated: image, results: new Map([[0, image]]) };
  const annotations = new Map([['in-toto.io/predicate-type', provenanceType]]);
  const attested = (record.provenances ?? []).map(({ platform, blob }) => {
    return [platform, { attestations: [{ ...descriptorOf(blob), annotations }] }] as const;
  });
  const [only] = attested;
  if (only !== undefined && only[0] !== '') return { result: made, results: new Map(attested) };
  return { result: { ...made, ...only?.[1] } };
}

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
    ...(record.completedAt !== undefined && resultsOf(record)),
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
