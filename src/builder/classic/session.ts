import { closeSync, constants, unlinkSync } from 'node:fs';
import { posix } from 'node:path';
import type { RegistryCredentials } from '#distribution';
import { createIgnoreMatcher } from '#dockerfile';
import { hasCode } from '#linux/errno';
import { openInRoot, pathOnly } from '#linux/open-in-root';
import { digestOf } from '#oci';
import { fail } from '#std/errors';
import { newId } from '#std/identifiers';
import type { BuildSession, LocalDirectory } from '../session/session.ts';

/** Removes a file below `root`, to which no symlink of the client's leads outside; false when there is none. */
function removeInside(root: string, path: string): boolean {
  let place: number | undefined;
  try {
    place = openInRoot(root, posix.dirname(path), pathOnly | constants.O_DIRECTORY);
    unlinkSync(`/proc/self/fd/${place}/${posix.basename(path)}`);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].some((code) => hasCode(error, code))) return false;
    throw error;
  } finally {
    if (place !== undefined) closeSync(place);
  }
}

/**
 * Removes the Dockerfile and the ignore file when patterns leave them out; whether there was one. The client has seen to the rest, but
 * has to send these two.
 */
function removeIgnored(root: string, patterns: readonly string[], fileName: string): boolean {
  const matcher = createIgnoreMatcher(patterns);
  let isChanged = false;
  for (const path of new Set(['.dockerignore', posix.normalize(fileName)])) {
    if (path.startsWith('../') || path.startsWith('/') || !matcher.matches(path)) continue;
    if (removeInside(root, path)) isChanged = true;
  }
  return isChanged;
}

/** The client of a classic build: it has sent what it has, and its credentials. */
export class ClassicSession implements BuildSession {
  readonly id = newId();
  #context: LocalDirectory | undefined;

  constructor(
    readonly directory: LocalDirectory | undefined,
    readonly registries: ReadonlyMap<string, RegistryCredentials>,
    readonly fileName: string,
    readonly signal: AbortSignal,
  ) {}

  async local({ name, excludePatterns }: Parameters<BuildSession['local']>[0]): Promise<LocalDirectory> {
    const directory = this.#sent(name);
    if (excludePatterns.length === 0) return { ...directory, release: () => {} };
    // The Dockerfile has been read by then: it may be left out, too.
    this.#context ??= this.#without(directory, excludePatterns);
    return this.#context;
  }

  #without(directory: LocalDirectory, patterns: readonly string[]): LocalDirectory {
    if (!removeIgnored(directory.path, patterns, this.fileName)) return { ...directory, release: () => {} };
    const digest = digestOf(JSON.stringify([directory.digest, patterns]));
    return { path: directory.path, digest, release: () => {} };
  }

  #sent(name: string): LocalDirectory {
    if (this.directory !== undefined && (name === 'context' || name === 'dockerfile')) return this.directory;
    throw fail('not-found', `there is no directory ${JSON.stringify(name)} in a classic build`);
  }

  secret(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  hasAgent(): Promise<boolean> {
    return Promise.resolve(false);
  }

  connectAgent(): Promise<never> {
    return Promise.reject(fail('not-found', 'a classic build has no SSH agent'));
  }

  credentials(host: string): Promise<RegistryCredentials | undefined> {
    const names =
      host === 'docker.io' ? [host, 'https://index.docker.io/v1/', 'index.docker.io'] : [host, `https://${host}`];
    return Promise.resolve(names.map((name) => this.registries.get(name)).find((one) => one !== undefined));
  }

  contentStore(): never {
    throw fail('not-found', 'a classic build has no content store');
  }

  sendFile(): Promise<never> {
    return Promise.reject(fail('not-found', 'a classic build takes no files'));
  }

  sendDirectory(): Promise<never> {
    return Promise.reject(fail('not-found', 'a classic build takes no files'));
  }
}
