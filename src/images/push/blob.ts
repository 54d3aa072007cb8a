import { countDown } from '../count-down.ts';
import { createMeter, progressMessage } from '../progress.ts';
import { verified } from '../verified.ts';
import type { LayerTarget } from './layer.ts';

/** Sees to it that the repository has a blob that is here as it is; where `id` is given, progress is told under it. */
export async function pushBlob(
  target: LayerTarget,
  { digest, size: sizeBytes }: { readonly digest: string; readonly size: number },
  id?: string,
): Promise<void> {
  const { repository, blobs, report, slots, signal } = target;
  const tell = (status: string): void => {
    if (id !== undefined) report(progressMessage(id, status));
  };
  await slots.run(async () => {
    if ((await repository.headBlob(digest)) !== undefined) {
      tell('Layer already exists');
      return;
    }
    const waits = countDown(tell);
    const open = (): AsyncIterable<Uint8Array> => {
      waits.end();
      const meter = createMeter(report, { id: id ?? '', status: 'Pushing', totalBytes: sizeBytes });
      return verified(blobs, digest, id === undefined ? undefined : meter.add);
    };
    try {
      await repository.uploadBlob({ digest, sizeBytes, open, onRetry: waits.begin });
    } finally {
      waits.end();
    }
    tell('Pushed');
  }, signal);
}
