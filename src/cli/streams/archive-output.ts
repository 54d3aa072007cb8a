import { fail } from '#std/errors';
import { fileSystem, paths } from '../builtins.ts';
import { CommandFailure } from '../failure.ts';
import type { Meter } from '../print/meter.ts';
import { systemErrorText } from '../values/system-errors.ts';
import { writeBytes } from './byte-output.ts';
import { isTerminal } from './terminal.ts';

/**
 * Refuses a terminal, and a file that can't be written, before anything is asked of the engine.
 * @throws CommandFailure
 */
export async function checkArchiveOutput(path: string, what: string): Promise<void> {
  if (path === '') {
    if (!(await isTerminal(1))) return;
    throw new CommandFailure('cowardly refusing to save to a terminal. Use the -o flag or redirect');
  }
  const files = fileSystem();
  const refuse = (reason: string): never => {
    throw new CommandFailure(`${what}: ${reason}`);
  };
  const directory = paths().dirname(path);
  if (!files.existsSync(directory)) refuse(`invalid output path: stat ${directory}: no such file or directory`);
  const stats = files.statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory()) refuse('cannot write to a directory');
  if (stats?.isCharacterDevice()) refuse('cannot write to a character device file');
  if (stats?.isBlockDevice()) refuse('cannot write to a block device file');
}

/** Writes an archive to a file, or to standard output where no path is given. */
export async function writeArchive(path: string, body: AsyncIterable<Uint8Array>, meter: Meter): Promise<void> {
  if (path !== '') return writeToFile(path, meter.count(body));
  for await (const bytes of meter.count(body)) await writeBytes(1, bytes);
}

/** Writes to a name of its own first, so that a failure leaves no half archive under the wanted one. */
async function writeToFile(path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  const { openSync, closeSync, renameSync, rmSync } = fileSystem();
  const partial = `${path}.${process.pid}.part`;
  let fd: number;
  try {
    fd = openSync(partial, 'wx', 0o600);
  } catch (error) {
    throw fail('invalid-argument', `open ${path}: ${systemErrorText(error)}`, error);
  }
  try {
    for await (const bytes of body) await writeBytes(fd, bytes);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}
