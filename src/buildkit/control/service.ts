import { content, control, traces } from '#build-api';
import { type Implementation, implement, type Written } from '#grpc';
import { fail } from '#std/errors';
import type { BuildProgress } from './build-progress.ts';
import { callError } from './errors.ts';
import { type SolveParts, solve } from './solve.ts';
import { statusMessages } from './status-message.ts';
import { diskUsage, prune } from './usage.ts';

type StatusResponse = Written<typeof control.statusResponse>;

async function* followed(progress: BuildProgress, signal: AbortSignal): AsyncGenerator<StatusResponse> {
  for await (const batch of progress.follow(signal)) yield* statusMessages(batch);
}

/** What a build tells: one that goes on, begins in the next moments, or is in the history. */
async function* status(
  { builds, history }: SolveParts,
  { ref }: control.StatusRequest,
  signal: AbortSignal,
): AsyncGenerator<StatusResponse> {
  const progress = builds.progressOf(ref);
  if (progress !== undefined) return yield* followed(progress, signal);
  const kept = history.logs(ref);
  if (kept !== undefined) return yield* kept;
  const build = await builds.wait(ref, signal);
  if (build === undefined) throw fail('not-found', `no such job ${ref}`);
  yield* followed(build.progress, signal);
}

/** So much of a blob in one message. */
const chunkBytes = 1024 * 1024;

function blobOf({ history }: SolveParts, digest: string): Uint8Array {
  const found = history.blob(digest);
  if (found === undefined) throw fail('not-found', `content ${digest}: not found`);
  return found;
}

async function* readBlob(parts: SolveParts, { digest, offset, size }: content.ReadContentRequest) {
  const bytes = blobOf(parts, digest);
  const end = size > 0 ? Math.min(bytes.length, offset + size) : bytes.length;
  for (let at = offset; at < end; at += chunkBytes) {
    yield { offset: at, data: bytes.subarray(at, Math.min(end, at + chunkBytes)) };
  }
}

/** What the history keeps, read as blobs; clients write nothing here. */
function contentService(parts: SolveParts): Implementation {
  return implement(content.contentService, {
    Info: ({ digest }) => ({ info: { digest, size: blobOf(parts, digest).length } }),
    Read: (request) => readBlob(parts, request),
  });
}

/** BuildKit's service of builds. */
export function controlServices(parts: SolveParts): Implementation[] {
  const { history, workers } = parts;
  const service = implement(control.controlService, {
    async Solve(request, { signal }) {
      try {
        return { exporterResponse: new Map(Object.entries(await solve(parts, request, signal))) };
      } catch (error) {
        throw callError(error, signal);
      }
    },
    Status: (request, { signal }) => status(parts, request, signal),
    Info: () => ({ buildkitVersion: workers.version() }),
    ListWorkers: () => ({ record: workers.list() }),
    DiskUsage: async (request) => diskUsage(await parts.builder(), request),
    async *Prune(request) {
      yield* prune(await parts.builder(), request);
    },
    ListenBuildHistory: (request, { signal }) => history.listen(request, signal),
    UpdateBuildHistory(request) {
      if (request.delete) history.delete(request.ref);
      else if (!request.finalize) history.pin(request.ref, request.pinned);
      return {};
    },
  });
  // Traces are taken and not kept: a client that sends them must not fail.
  const collector = implement(traces.traceService, { Export: () => ({}) });
  return [service, contentService(parts), collector];
}
