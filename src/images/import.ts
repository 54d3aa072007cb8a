import { digestOf, hostPlatform, type ImageConfigFile, parsePlatform } from '#oci';
import { formatTime, nowNs } from '#std/time';
import { commitImages, targetReference } from './commit.ts';
import { applyChanges } from './import-changes.ts';
import type { Layers } from './layers.ts';
import type { ImportRequest } from './types.ts';

/** Reads all of a request that can be wrong. Throws `invalid-argument`. */
export function checkImport({ repository, tag, changes, platform }: Omit<ImportRequest, 'body'>) {
  return {
    references: repository === undefined || repository === '' ? [] : [targetReference(repository, tag)],
    config: applyChanges(changes),
    platform: platform ? parsePlatform(platform) : hostPlatform(),
  };
}

/** Makes an image of one layer out of a tar (`docker import`); returns its id. */
export async function importImage(
  options: Parameters<typeof commitImages>[0] & { layers: Layers },
  request: ImportRequest,
): Promise<string> {
  const { layers } = options;
  // All that can be wrong with the request is told before the body is read.
  const { references, config, platform } = checkImport(request);
  const { message } = request;
  const layer = layers.adopt(await layers.unpack(request.body), undefined);
  try {
    const created = formatTime(nowNs());
    const comment = message === undefined || message === '' ? 'Imported from -' : message;
    const file: ImageConfigFile = {
      ...platform,
      created,
      comment,
      config,
      rootfs: { type: 'layers', diff_ids: [layer.diffId] },
      history: [{ created, comment }],
    };
    const content = Buffer.from(JSON.stringify(file));
    const id = digestOf(content);
    await commitImages(options, [{ id, content, file, layers: [layer], references }], 'import');
    return id;
  } finally {
    layers.release([layer.id]);
  }
}
