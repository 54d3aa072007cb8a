import { fail } from '#std/errors';
import { fileSystem } from '../builtins.ts';

/**
 * The host of a docker context: `contexts/meta/<sha256 of the name>/meta.json` in the configuration's folder.
 * @throws `not-found`
 */
export function contextHost(folder: string, name: string): string {
  const digest = new Bun.CryptoHasher('sha256').update(name).digest('hex');
  try {
    const text = fileSystem().readFileSync(`${folder}/contexts/meta/${digest}/meta.json`, 'utf8');
    const meta = JSON.parse(text) as { Endpoints?: { docker?: { Host?: string } } };
    const host = meta.Endpoints?.docker?.Host;
    if (host) return host;
  } catch {
    // Told below: there is no such context, or what there is of it can't be read.
  }
  throw fail('not-found', `unable to resolve docker endpoint: context "${name}": context not found`);
}
