import { type control, toTimestamp } from '#build-api';
import type { LogProgress, StatusProgress, VertexProgress, WarningProgress } from '#builder';
import type { Written } from '#grpc';
import type { ProgressBatch } from './build-progress.ts';

type StatusResponse = Written<typeof control.statusResponse>;

const encoder = new TextEncoder();

function vertexMessage(vertex: VertexProgress): Written<typeof control.vertex> {
  const { digest, inputs, name, isCached, error, progressGroup: group, cause } = vertex;
  return {
    digest,
    inputs,
    name,
    cached: isCached ?? false,
    started: toTimestamp(vertex.startedAt),
    completed: toTimestamp(vertex.completedAt),
    error: error ?? '',
    ...(group && { progressGroup: { id: group.id, name: group.name, weak: group.isWeak } }),
    ...(cause && { cause }),
  };
}

function statusMessage(status: StatusProgress): Written<typeof control.vertexStatus> {
  const { id, vertex, name, current, total } = status;
  return {
    id,
    vertex,
    name: name ?? '',
    current,
    total,
    timestamp: toTimestamp(status.at),
    started: toTimestamp(status.startedAt),
    completed: toTimestamp(status.completedAt),
  };
}

function logMessage({ vertex, stream, data, at }: LogProgress): Written<typeof control.vertexLog> {
  return { vertex, stream, msg: data, timestamp: toTimestamp(at) };
}

function warningMessage(warning: WarningProgress): Written<typeof control.vertexWarning> {
  const { vertex, level, short, detail, url, fileName, source, ranges } = warning;
  const info = { filename: fileName ?? '', data: encoder.encode(source ?? ''), language: 'Dockerfile' };
  return {
    vertex,
    level,
    short: encoder.encode(short),
    detail: detail.map((line) => encoder.encode(line)),
    url,
    ...(fileName !== undefined && { info }),
    ranges: ranges.map(({ first, last }) => ({ start: { line: first }, end: { line: last } })),
  };
}

/** So much output in one message: clients refuse those beyond four megabytes. */
const logBytesMax = 1024 * 1024;

/** Output in messages that are not too large. */
function* logMessages(logs: readonly LogProgress[]): Generator<StatusResponse> {
  let waiting: LogProgress[] = [];
  let bytes = 0;
  for (const log of logs) {
    waiting.push(log);
    bytes += log.data.length;
    if (bytes < logBytesMax) continue;
    yield { logs: waiting.map(logMessage) };
    waiting = [];
    bytes = 0;
  }
  if (waiting.length > 0) yield { logs: waiting.map(logMessage) };
}

/**
 * What has happened as messages, none of them larger than clients take. Clients show the output that comes with the end of its
 * vertex, or before it; what comes later they show apart.
 */
export function* statusMessages({ vertices, statuses, logs, warnings }: ProgressBatch): Generator<StatusResponse> {
  const vertexes = vertices.map(vertexMessage);
  const rest = { statuses: statuses.map(statusMessage), warnings: warnings.map(warningMessage) };
  const [first = {}, ...more] = logMessages(logs);
  if (more.length === 0) {
    if (vertices.length + statuses.length + warnings.length + logs.length > 0) yield { vertexes, ...rest, ...first };
    return;
  }
  const running = vertexes.map((vertex) => ({ ...vertex, completed: undefined, error: '' }));
  if (running.length > 0) yield { vertexes: running };
  yield first;
  yield* more;
  if (vertices.length + statuses.length + warnings.length > 0) yield { vertexes, ...rest };
}
