import { allEnded } from '#std/all-ended';
import { fail } from '#std/errors';
import type {
  BuildContext,
  Builder,
  CacheExportRequest,
  ExportRequest,
  ExportResponse,
  FrontendResult,
} from '../types.ts';
import { openArchiveExporter } from './archive.ts';
import { openCacheExports } from './cache/exports.ts';
import { openImageExporter } from './image.ts';
import type { ExportedOutput, Exporter, ExporterParts, OpenExporter } from './parts.ts';
import { inVertex } from './progress.ts';
import { openLocalExporter, openTarExporter } from './tree.ts';

const exporters: Readonly<Record<string, OpenExporter>> = {
  moby: (attributes) => openImageExporter('moby', attributes),
  image: (attributes) => openImageExporter('image', attributes),
  docker: (attributes) => openArchiveExporter('docker', attributes),
  oci: (attributes) => openArchiveExporter('oci', attributes),
  local: openLocalExporter,
  tar: openTarExporter,
  cacheonly: () => ({ run: async () => ({}) }),
};

function openExporter({ type, attributes }: ExportRequest): Exporter {
  const open = Object.hasOwn(exporters, type) ? exporters[type] : undefined;
  if (open === undefined) throw fail('not-found', `exporter "${type}" could not be found`);
  return open(attributes);
}

/** The layers of all outputs; whoever gets them releases them. */
async function solveAll(
  { solver }: ExporterParts,
  { outputs }: FrontendResult,
  context: BuildContext,
): Promise<{ outputs: ExportedOutput[]; release(): void }> {
  const works = await Promise.allSettled(
    outputs.map(async (output) => ({
      output,
      held: output.edge === undefined ? undefined : await solver.solveLayers(output.edge, context),
    })),
  );
  const solved = works.flatMap((work) => (work.status === 'fulfilled' ? [work.value] : []));
  const release = (): void => {
    for (const { held } of solved) held?.release();
  };
  const failed = works.find((work) => work.status === 'rejected');
  if (failed !== undefined) {
    release();
    throw failed.reason;
  }
  return { outputs: solved.map(({ output, held }) => ({ ...output, chain: held?.result.chain ?? [] })), release };
}

/** Gives what builds come to to their clients, to registries, and to this engine. */
export function createExporter(parts: ExporterParts): Builder['export'] {
  async function run(
    result: FrontendResult,
    requests: { readonly exporters: readonly ExportRequest[]; readonly caches: readonly CacheExportRequest[] },
    context: BuildContext,
  ): Promise<ExportResponse[]> {
    // Whatever is wrong with what is asked for is said before anything is done.
    const opened = requests.exporters.map((request) => ({ exporter: openExporter(request), id: request.id }));
    const cacheExports = openCacheExports(parts, requests.caches);
    const { outputs, release } = await solveAll(parts, result, context);
    const own = new AbortController();
    const within = { ...context, signal: AbortSignal.any([context.signal, own.signal]) };
    try {
      const caches = cacheExports.prepare(outputs, context);
      const works = opened.map(({ exporter, id }) => async (): Promise<Record<string, string>> => {
        const { name } = exporter;
        if (name === undefined) return {};
        return inVertex(context.onProgress, name, (vertex) =>
          exporter.run({ parts, outputs, result, context: within, vertex, id, caches }),
        );
      });
      const responses = await allEnded(
        works.map((work) => work()),
        (reason) => own.abort(reason),
      );
      const answered = await cacheExports.run(outputs, within);
      return responses.length === 0 ? [answered] : responses.map((response) => ({ ...response, ...answered }));
    } finally {
      release();
    }
  }
  return run;
}
