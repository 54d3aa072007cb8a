import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import { type PasswordCheck, passwordCheck } from './passwords.ts';

/** A match for nobody, at the cost that `htpasswd -B` has by default. */
const nobodysHash = '$2y$05$9TnEq6AfOqVTnJsRsnaiCOKlvMqmUsFNiT8RA9fRyOYQLfCyH5ebK';
const bcryptPattern = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

const settledMs = 1000;

/** An htpasswd file. */
export interface PasswordFile {
  /** Whether the password is the user's. Nobody learns from the time it takes whether there is such a user. */
  matches(user: string, password: string): Promise<boolean>;
  /** Changes with the user's password; undefined when there is no such user. */
  fingerprint(user: string): string | undefined;
}

/** The hashes by user. Throws `invalid-argument`, naming the line, for what is no user with a bcrypt hash. */
export function parsePasswords(text: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const [user, hash] = [line.slice(0, colon), line.slice(colon + 1)];
    if (colon < 1) throw fail('invalid-argument', `line ${index + 1}: USER:HASH is expected`);
    const cost = Number(bcryptPattern.exec(hash)?.[1]);
    if (!(cost >= 4 && cost <= 20)) {
      throw fail(
        'invalid-argument',
        `line ${index + 1}: ${user}: only bcrypt hashes of costs 4 to 20 are read (htpasswd -B)`,
      );
    }
    hashes.set(user, hash);
  }
  return hashes;
}

/** A hash that nothing matches, as costly as the file's costliest. */
function decoy(hashes: ReadonlyMap<string, string>): string {
  const costs = [...hashes.values()].map((hash) => hash.slice(4, 6)).sort();
  return `$2y$${costs.at(-1) ?? '05'}${nobodysHash.slice(6)}`;
}

interface Contents {
  readonly hashes: ReadonlyMap<string, string>;
  readonly decoy: string;
}

/**
 * Opens an htpasswd file (`USER:BCRYPT-HASH` a line). It is read again when it changed; a new text that cannot be read is
 * logged, and the old one holds. Throws `invalid-argument` when it cannot be read now.
 */
export function openPasswordFile(path: string, check: PasswordCheck = passwordCheck()): PasswordFile {
  let contents: Contents | undefined;
  let seen = '';

  function stamp(): string {
    try {
      const { mtimeNs, mtimeMs, size, ino } = statSync(path, { bigint: true });
      // A file system's clock is coarse: within a moment a second change looks like the first.
      const moment = Date.now() - Number(mtimeMs) < settledMs ? performance.now() : 0;
      return `${mtimeNs}.${size}.${ino}.${moment}`;
    } catch {
      return 'gone';
    }
  }

  function read(): Contents {
    try {
      const hashes = parsePasswords(readFileSync(path, 'utf8'));
      return { hashes, decoy: decoy(hashes) };
    } catch (error) {
      throw fail('invalid-argument', `htpasswd file ${path}: ${messageOf(error)}`);
    }
  }

  function current(): Contents {
    const now = stamp();
    if (contents !== undefined && now === seen) return contents;
    try {
      contents = read();
    } catch (error) {
      if (contents === undefined) throw error;
      log('error', 'passwords are kept as they were', { error: messageOf(error) });
    }
    seen = now;
    return contents;
  }

  current();
  return {
    async matches(user, password) {
      const { hashes, decoy: nobody } = current();
      const hash = hashes.get(user);
      // A NUL would end the password for bcrypt.
      const matched = await check.matches(password.replaceAll('\0', '\uFFFD'), hash ?? nobody);
      return matched && hash !== undefined && !password.includes('\0');
    },
    fingerprint(user) {
      const hash = current().hashes.get(user);
      return hash === undefined ? undefined : createHash('sha256').update(`${user}\0${hash}`).digest('base64url');
    },
  };
}
