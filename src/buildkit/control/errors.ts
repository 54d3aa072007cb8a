import { SolveError, type Vertex } from '#builder';
import { DockerfileError, type LineRange } from '#dockerfile';
import { type Any, GrpcError, statusCodes } from '#grpc';
import { kindOf, messageOf } from '#std/errors';

/** A detail of an error as BuildKit has them: JSON, under the name of its Go type. */
export function errorDetail(name: string, value: unknown): Any {
  const text = JSON.stringify(value);
  return { typeUrl: `github.com/moby/buildkit/errdefs.${name}+json`, value: new TextEncoder().encode(text) };
}

interface SourceText {
  readonly fileName: string;
  readonly text: string;
}

/** A file and lines of it, for the excerpt that clients print. */
function sourceDetail({ fileName, text }: SourceText, lines: readonly LineRange[]): Any {
  const ranges = lines.map(({ first, last }) => ({ start: { line: first }, end: { line: last } }));
  const data = Buffer.from(text).toString('base64');
  return errorDetail('Source', { info: { filename: fileName, data, language: 'Dockerfile' }, ranges });
}

function vertexDetails({ digest, origin }: Vertex): Any[] {
  const source = origin === undefined ? [] : [sourceDetail(origin, [origin.lines])];
  return [errorDetail('Vertex', { digest }), ...source];
}

/** An error and its causes. */
function* chainOf(error: unknown): Generator<Error> {
  const seen = new Set<Error>();
  for (let next = error; next instanceof Error && !seen.has(next); next = next.cause) {
    seen.add(next);
    yield next;
  }
}

/** Details of an error travel in a header, and clients take no more than 16 MiB of those, in base64. */
const detailsBytesMax = 4 << 20;

/** What of the details fits, in order: of a file of many megabytes no excerpt is shown. */
function fitting(details: readonly Any[]): Any[] {
  let left = detailsBytesMax;
  return details.filter(({ value }) => {
    if (value.byteLength > left) return false;
    left -= value.byteLength;
    return true;
  });
}

function detailsOf(error: unknown): Any[] {
  return [...chainOf(error)].flatMap((cause) => {
    if (cause instanceof SolveError) return vertexDetails(cause.vertex);
    const isSourced = cause instanceof DockerfileError && cause.source !== undefined && cause.lines.length > 0;
    if (!isSourced || cause.source === undefined) return [];
    const { source } = cause;
    // Each is an excerpt of its own: the lines of a circle of stages.
    return cause.lines.map((lines) => sourceDetail(source, [lines]));
  });
}

/** What a client is told of anything that a build throws, with what it prints beside the text; when it was cancelled, that alone. */
export function callError(error: unknown, signal: AbortSignal): GrpcError {
  for (const cause of chainOf(error)) if (cause instanceof GrpcError) return cause;
  if (signal.aborted || kindOf(error) === 'cancelled') return new GrpcError(statusCodes.cancelled, 'context canceled');
  // BuildKit's own errors have no other code, and clients print the name of any other before the text.
  return new GrpcError(statusCodes.unknown, messageOf(error), fitting(detailsOf(error)), { cause: error });
}
