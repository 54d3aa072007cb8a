import { excerpt } from '#dockerfile';
import { GrpcError } from '#grpc';
import { messageOf } from '#std/errors';
import type { ShownVertex, VertexTable } from './display/model.ts';

/** A detail of BuildKit's errors, in the JSON that Go makes of it. */
const sourceType = /errdefs\.Source\+json$/;

interface SourceDetail {
  readonly info?: { readonly filename?: string; readonly data?: string };
  readonly ranges?: readonly {
    readonly start?: { readonly line?: number };
    readonly end?: { readonly line?: number };
  }[];
}

/** The lines of the Dockerfile that an error is about, as it carries them. */
function excerptOf(error: unknown): string {
  if (!(error instanceof GrpcError)) return '';
  const found = error.details.find(({ typeUrl }) => sourceType.test(typeUrl));
  if (found === undefined) return '';
  const { info, ranges = [] } = JSON.parse(new TextDecoder().decode(found.value)) as SourceDetail;
  const lines = ranges.map(({ start, end }) => ({ first: start?.line ?? 0, last: end?.line ?? start?.line ?? 0 }));
  return excerpt(info?.filename ?? '', Buffer.from(info?.data ?? '', 'base64').toString(), lines);
}

/** What a step that failed printed last. */
function outputOf({ name, lines }: ShownVertex): string {
  if (lines.length === 0) return '';
  const shown = lines.map(({ atMs, text }) => `${(atMs / 1000).toFixed(3)} ${text}\n`).join('');
  return `------\n > ${name}:\n${shown}------\n`;
}

/** Why a build failed: the output of the step, the lines it stands in, and the engine's words. */
export function buildFailure(error: unknown, table: VertexTable): string {
  const failed = [...table.vertices.values()].find(
    (vertex) => vertex.error !== '' && !vertex.error.includes('context canceled'),
  );
  return `${failed === undefined ? '' : outputOf(failed)}${excerptOf(error)}ERROR: failed to build: failed to solve: ${messageOf(error)}\n`;
}

/** What is odd in the Dockerfile, each with its line; empty when nothing is. */
export function warningsFound({ warnings }: VertexTable): string {
  if (warnings.length === 0) return '';
  const count = `${warnings.length} warning${warnings.length === 1 ? '' : 's'} found:`;
  const lines = warnings.map(({ short, url, line }) => ` - ${short}${line > 0 ? ` (line ${line})` : ''}\n   ${url}\n`);
  return `\n ${count}\n${lines.join('')}`;
}
