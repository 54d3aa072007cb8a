import type { Platform } from '#oci';
import type { BuildFiles } from '../files/index.ts';
import type { Edge } from '../graph/vertex.ts';
import type { BuildContext, HeldResult } from '../solver/types.ts';
import type { ImageSource } from '../sources/types.ts';

/** What the frontend needs of the rest of the builder. */
export interface FrontendParts {
  readonly solve: (edge: Edge, context: BuildContext) => Promise<HeldResult>;
  readonly images: ImageSource;
  readonly files: Pick<BuildFiles, 'open'>;
  /** That of this machine. */
  readonly platform: Platform;
}
