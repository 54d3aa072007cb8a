import type { Volume } from '#api';
import { checkAnswers } from '#linux/remote-files';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import { localDriver } from './record.ts';
import { sizeOfTree } from './tree.ts';

async function answers({ Name, Mountpoint }: Volume): Promise<boolean> {
  try {
    await checkAnswers(Mountpoint);
    return true;
  } catch (error) {
    log('warn', 'a volume is not counted', { volume: Name, error: messageOf(error) });
    return false;
  }
}

/** Volumes with their sizes and the number of containers that use each; a volume of a plugin does not tell its size. */
export async function volumeUsage(
  volumes: readonly Volume[],
  users: Iterable<{ volumes: readonly string[] }>,
): Promise<Volume[]> {
  const counts = new Map<string, number>();
  for (const used of users) {
    for (const name of new Set(used.volumes)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const measured: Volume[] = [];
  // One after the other: trees of many files must not take all of the disk's attention.
  for (const volume of volumes) {
    const Size = volume.Driver === localDriver && (await answers(volume)) ? await sizeOfTree(volume.Mountpoint) : -1;
    measured.push({ ...volume, UsageData: { RefCount: counts.get(volume.Name) ?? 0, Size } });
  }
  return measured;
}
