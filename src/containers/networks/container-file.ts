import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { hasCode } from '#linux/errno';
import { log } from '#std/log';

/** What is longer is no such file: the container has written something else there. */
const longestBytes = 1024 * 1024;

function openAnew(path: string): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NONBLOCK;
  try {
    return openSync(path, flags, 0o644);
  } catch (error) {
    if (!hasCode(error, 'EAGAIN')) throw error;
    rmSync(path);
    return openSync(path, flags, 0o644);
  }
}

/** In place, for those that share it; but a container that shares it may hold a lease on it, and is not waited for. */
export function writeAnew(path: string, text: string): void {
  const descriptor = openAnew(path);
  try {
    writeFileSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}

function readText(descriptor: number): string | undefined {
  const { size } = fstatSync(descriptor);
  if (size > longestBytes) return undefined;
  const buffer = Buffer.alloc(size);
  return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, size, 0));
}

function openPresent(path: string, flags: number): number | undefined {
  try {
    return openSync(path, flags | constants.O_NONBLOCK);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    if (!hasCode(error, 'EAGAIN')) throw error;
    log('warn', 'a container holds a lease on a file of its own: it is not told of a change', { path });
    return undefined;
  }
}

/** What is in a file that a container can write: undefined where it is gone, held fast or too long. */
export function readContainerFile(path: string): string | undefined {
  const descriptor = openPresent(path, constants.O_RDONLY);
  if (descriptor === undefined) return undefined;
  try {
    return readText(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Changes a file in place: the container has the file itself mounted. The container may have made of it what it will, and
 * may hold a lease on it: nothing here waits for it.
 */
export function changeContainerFile(path: string, change: (text: string) => string): void {
  const descriptor = openPresent(path, constants.O_RDWR);
  if (descriptor === undefined) return;
  try {
    const text = readText(descriptor);
    if (text === undefined) return;
    const next = change(text);
    if (next === text) return;
    ftruncateSync(descriptor, writeSync(descriptor, Buffer.from(next), 0, undefined, 0));
  } finally {
    closeSync(descriptor);
  }
}
