import type {
  BuildContext,
  Builder,
  CacheExportRequest,
  Edge,
  ExportRequest,
  FrontendRequest,
  FrontendResult,
} from '#builder';
import { createVertex } from '#builder';
import { fail } from '#std/errors';

const platform = { os: 'linux', architecture: 'amd64' };

/** An edge on a source of that name. */
export function sourceEdge(name: string): Edge {
  const operation = { type: 'source', identifier: `docker-image://${name}`, attributes: {} } as const;
  return { vertex: createVertex({ operation, inputs: [], platform, name, isUncached: false }), output: 0 };
}

/** What a fake builder was asked for. */
export interface Asked {
  readonly frontends: FrontendRequest[];
  readonly exports: { result: FrontendResult; exporters: readonly ExportRequest[] }[];
  readonly solved: Edge[];
  readonly imports: CacheExportRequest[];
  /** Results that were handed out and not given back. */
  held: number;
}

/** A builder that makes nothing, and tells what it was asked for. `solve` may throw, or wait for the context's signal. */
export function fakeBuilder(solve: (edge: Edge, context: BuildContext) => void | Promise<void> = () => undefined) {
  const asked: Asked = { frontends: [], exports: [], solved: [], imports: [], held: 0 };
  const missing = (): never => {
    throw fail('internal', 'not in this test');
  };
  const builder: Builder = {
    dockerfile: async (request) => {
      asked.frontends.push(request);
      const config = new TextEncoder().encode('{"os":"linux","architecture":"amd64"}');
      const outputs = [{ platform, edge: sourceEdge(request.options.target ?? 'busybox'), config }];
      return { outputs, isMultiPlatform: false, metadata: new Map() };
    },
    classic: missing,
    takeSentFiles: missing,
    images: { resolve: missing },
    solve: async (edge, context) => {
      asked.solved.push(edge);
      const { digest, name } = edge.vertex;
      context.onProgress({ type: 'vertex', digest, inputs: [], name, startedAt: '2026-01-02T03:04:05.000000006Z' });
      await solve(edge, context);
      const at = '2026-01-02T03:04:06Z';
      context.onProgress({ type: 'log', vertex: digest, stream: 1, data: new TextEncoder().encode('done\n'), at });
      asked.held++;
      return { result: { kind: 'layers', chain: [] }, key: digest, release: () => void asked.held-- };
    },
    open: missing,
    container: missing,
    importCaches: async (requests) => {
      asked.imports.push(...requests);
      return [];
    },
    export: async (result, { exporters }, context) => {
      asked.exports.push({ result, exporters });
      for (const { edge } of result.outputs) if (edge !== undefined) (await builder.solve(edge, context)).release();
      return exporters.map(() => ({ 'containerimage.digest': 'sha256:0' }));
    },
    usage: () => [],
    prune: async () => [],
    reconcile: async () => undefined,
    close: async () => undefined,
  };
  return { builder, asked };
}
