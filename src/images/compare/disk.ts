import type { DiskShareReport } from '#api';
import type { Catalogue } from '../catalogue.ts';
import { startExaminer } from '../examine/examiner.ts';
import { blobsOfManifest } from '../manifests.ts';

/** What everything below the data root takes on the disk, by what it is for. */
export async function diskShares(options: {
  catalogue: Catalogue;
  dataRoot: string;
  examinerCommand?: readonly string[];
}): Promise<DiskShareReport> {
  const { catalogue, dataRoot } = options;
  const manifests = [...catalogue.manifests.all()];
  const layerBlobs = new Set<string | undefined>([
    ...[...catalogue.layers.all()].map(({ blob }) => blob),
    ...manifests.flatMap(({ ownBlobs = [] }) => ownBlobs),
  ]);
  const described = manifests.flatMap(blobsOfManifest);
  const metadata = [...[...catalogue.images.all()].map(({ id }) => id), ...described].filter(
    (id) => !layerBlobs.has(id),
  );
  using examiner = startExaminer(options.examinerCommand);
  const shares = await examiner.ask('disk', { root: dataRoot, metadata });
  const sorted = Object.entries(shares).map(([Kind, Size]) => ({ Kind, Size }));
  sorted.sort((one, other) => other.Size - one.Size);
  return { Root: dataRoot, Total: sorted.reduce((sum, { Size }) => sum + Size, 0), Shares: sorted };
}
