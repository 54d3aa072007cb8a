import { fail } from '#std/errors';
import { fileSystem } from '../builtins.ts';
import { systemErrorText } from '../values/system-errors.ts';

/** The name of the context that is made of the environment, and kept nowhere. */
export const defaultContext = 'default';

/** A docker endpoint as `meta.json` has it. */
export interface ContextEndpoint {
  readonly Host?: string;
  readonly SkipTLSVerify?: boolean;
}

/** `contexts/meta/ID/meta.json` of a configuration folder. */
export interface ContextMeta {
  readonly Name: string;
  readonly Metadata: { readonly Description?: string };
  readonly Endpoints: { readonly docker?: ContextEndpoint };
}

/** The folders of a context: the SHA-256 of its name is its ID. */
export function contextFolders(folder: string, name: string): { meta: string; tls: string } {
  const id = new Bun.CryptoHasher('sha256').update(name).digest('hex');
  return { meta: `${folder}/contexts/meta/${id}`, tls: `${folder}/contexts/tls/${id}` };
}

/**
 * A context of the configuration's folder.
 * @throws `not-found`
 */
export function readContext(folder: string, name: string): ContextMeta {
  const path = `${contextFolders(folder, name).meta}/meta.json`;
  let text: string;
  try {
    text = fileSystem().readFileSync(path, 'utf8');
  } catch (error) {
    throw fail('not-found', `context "${name}": context not found: open ${path}: ${systemErrorText(error)}`, error);
  }
  const meta = parseMeta(text);
  if (meta === undefined) throw fail('invalid-argument', `parsing ${path}: it is not the description of a context`);
  return meta;
}

function parseMeta(text: string): ContextMeta | undefined {
  try {
    const meta = JSON.parse(text) as Partial<ContextMeta> | null;
    if (typeof meta?.Name !== 'string') return undefined;
    return { Name: meta.Name, Metadata: meta.Metadata ?? {}, Endpoints: meta.Endpoints ?? {} };
  } catch {
    return undefined;
  }
}

/** Every context of the configuration's folder, by name. */
export function listContexts(folder: string): ContextMeta[] {
  let ids: string[];
  try {
    ids = fileSystem().readdirSync(`${folder}/contexts/meta`);
  } catch {
    return [];
  }
  const metas = ids.flatMap((id) => {
    try {
      return parseMeta(fileSystem().readFileSync(`${folder}/contexts/meta/${id}/meta.json`, 'utf8')) ?? [];
    } catch {
      return [];
    }
  });
  return metas.sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

/** The files of TLS that belong to a context's docker endpoint, by name: `ca.pem`, `cert.pem`, `key.pem`. */
export function contextTlsFiles(folder: string, name: string): ReadonlyMap<string, string> {
  const directory = `${contextFolders(folder, name).tls}/docker`;
  let names: string[];
  try {
    names = fileSystem().readdirSync(directory).sort();
  } catch {
    return new Map();
  }
  return new Map(names.map((file) => [file, fileSystem().readFileSync(`${directory}/${file}`, 'utf8')]));
}
