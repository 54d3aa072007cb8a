import type { Distribution } from '#distribution';
import type { BuildLayers } from '#images';
import type { Solver } from '../solver/types.ts';
import type { BuildContext, FrontendOutput, FrontendResult } from '../types.ts';
import type { CacheExports } from './cache/types.ts';
import type { ExportVertex } from './progress.ts';

/** What exporters work with. */
export interface ExporterParts {
  readonly builds: BuildLayers;
  readonly solver: Pick<Solver, 'solveLayers' | 'cacheable'>;
  readonly distribution: Distribution;
}

/** What the build of one platform came to; its layers are held until all is exported. */
export interface ExportedOutput extends FrontendOutput {
  /** Chain ids, from the base up; none for an empty file system. */
  readonly chain: readonly string[];
}

/** One export on its way. */
export interface Export {
  readonly parts: ExporterParts;
  readonly outputs: readonly ExportedOutput[];
  readonly result: FrontendResult;
  /** Its signal ends with the build, or with another exporter's failure. */
  readonly context: BuildContext;
  readonly vertex: ExportVertex;
  /** Which output of the session the content goes to. */
  readonly id: string;
  readonly caches: CacheExports;
}

/** An exporter whose attributes were read. */
export interface Exporter {
  /** As people see it; undefined for one that does nothing. */
  readonly name?: string;
  run(request: Export): Promise<Record<string, string>>;
}

/** Reads an exporter's attributes; throws `invalid-argument` in BuildKit's words. */
export type OpenExporter = (attributes: Readonly<Record<string, string>>) => Exporter;
