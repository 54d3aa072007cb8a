import { statSync } from 'node:fs';
import { join } from 'node:path';
import { SystemCallError } from '#linux/errno';

/** Directories of the data root that somebody may have mounted on disks of their own. */
const parts = ['blobs', 'snapshots'];

/**
 * Syncs the file systems of a data root (syncfs(2)) in a child process: the call may take seconds, and would hold up the
 * whole engine.
 */
export async function syncFileSystem(dataRoot: string): Promise<void> {
  const places = new Map<number, string>();
  for (const place of [dataRoot, ...parts.map((part) => join(dataRoot, part))]) {
    const stat = statSync(place, { throwIfNoEntry: false });
    if (stat !== undefined && !places.has(stat.dev)) places.set(stat.dev, place);
  }
  const child = Bun.spawn(['sync', '-f', ...places.values()], { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' });
  const [code, text] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw new SystemCallError('syncfs', 5, text.trim());
}
