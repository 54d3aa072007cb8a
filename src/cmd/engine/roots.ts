import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from '#linux/process';
import { fail } from '#std/errors';

function ownerFile(execRoot: string): string {
  return join(execRoot, 'owner');
}

function readOwner(execRoot: string): string | undefined {
  try {
    return readFileSync(ownerFile(execRoot), 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * Takes both roots for this process, until it ends. The exec root remembers its data root: what runs there belongs to the
 * records there, also while no engine runs, and an engine with other records would end it. Throws `conflict` when
 * another engine has either root.
 */
export function claimRoots(dataRoot: string, execRoot: string): void {
  for (const root of [dataRoot, execRoot]) {
    mkdirSync(root, { recursive: true, mode: 0o711 });
    if (lockFile(join(root, 'engine.lock')) === undefined) {
      throw fail('conflict', `another engine runs on the ${root === dataRoot ? 'data' : 'exec'} root ${root}`);
    }
  }
  const owner = readOwner(execRoot);
  if (owner !== undefined && owner !== dataRoot) {
    throw fail('conflict', `the exec root ${execRoot} belongs to the engine with the data root ${owner}`);
  }
  writeFileSync(ownerFile(execRoot), `${dataRoot}\n`);
}

/** Forgets whose the exec root is, once nothing of its containers is left there. */
export function disownExecRoot(execRoot: string): void {
  rmSync(ownerFile(execRoot), { force: true });
}
