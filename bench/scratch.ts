import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory that is made, and filled, when it is first wanted, and is gone with the process. */
export function scratchDirectory(fill: (directory: string) => void = () => undefined): () => string {
  let made: string | undefined;
  return () => {
    if (made !== undefined) return made;
    const directory = mkdtempSync(join(tmpdir(), 'estiba-bench-'));
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
    fill(directory);
    made = directory;
    return directory;
  };
}

/** Bytes that nobody has seen and nothing compresses. */
export function random(bytes: number): Buffer {
  const content = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(content.subarray(at, Math.min(at + 65_536, bytes)));
  return content;
}
