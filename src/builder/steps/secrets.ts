import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '#std/errors';
import type { SecretRequest } from '../graph/operation.ts';
import type { StepRun } from '../solver/types.ts';

/** A secret of the first client that has it; undefined when none has and it may be missing. Throws `not-found`. */
export async function askSecret(
  { id, isOptional }: Pick<SecretRequest, 'id' | 'isOptional'>,
  { context, signal }: Pick<StepRun, 'context' | 'signal'>,
): Promise<Uint8Array | undefined> {
  for (const session of context.sessions) {
    const secret = await session.secret(id, signal);
    if (secret !== undefined) return secret;
  }
  if (isOptional) return undefined;
  throw fail('not-found', `secret ${id}: not found`);
}

/** Writes a secret for a step's mount. `path` must be on a file system that is memory alone. */
export function writeSecret(path: string, content: Uint8Array, { uid, gid, mode }: SecretRequest): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, content, { flag: 'wx', mode: 0o600 });
  chownSync(path, uid, gid);
  chmodSync(path, mode);
}
