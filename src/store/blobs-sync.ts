import { SystemCallError } from '#linux/errno';

/**
 * Syncs the file system that holds `path` (syncfs(2)) in a child process: the call may take seconds, and would hold up
 * the whole engine.
 */
export async function syncFileSystem(path: string): Promise<void> {
  const child = Bun.spawn(['sync', '-f', path], { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' });
  const [code, text] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw new SystemCallError('syncfs', 5, text.trim());
}
