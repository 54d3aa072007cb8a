import { EstibaError, fail, messageOf } from '#std/errors';
import { fileSystem } from '../builtins.ts';
import { type ContextEndpoint, type ContextMeta, contextFolders, defaultContext, readContext } from './contexts.ts';

const names = /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/;

/**
 * Checks the name of a context that is to be made.
 * @throws `invalid-argument`
 */
export function checkContextName(name: string): void {
  if (name === '') throw fail('invalid-argument', 'context name cannot be empty');
  if (name === defaultContext) throw fail('invalid-argument', '"default" is a reserved context name');
  if (names.test(name)) return;
  const pattern = String(names).slice(1, -1);
  throw fail('invalid-argument', `context name "${name}" is invalid, names are validated against regexp "${pattern}"`);
}

/** Whether there is such a context. */
export function contextExists(folder: string, name: string): boolean {
  return fileSystem().existsSync(`${contextFolders(folder, name).meta}/meta.json`);
}

/** What `--docker` says of an endpoint: where it is, and its files of TLS by their usual names. */
export interface GivenEndpoint {
  readonly endpoint: ContextEndpoint;
  readonly tls: ReadonlyMap<string, Uint8Array>;
}

const endpointKeys = ['from', 'host', 'ca', 'cert', 'key', 'skip-tls-verify'];

/**
 * Reads the pairs of `--docker`; the files that they name are read.
 * @throws `invalid-argument`
 */
export function parseEndpointPairs(pairs: ReadonlyMap<string, string>): GivenEndpoint {
  for (const key of pairs.keys()) {
    if (!endpointKeys.includes(key))
      throw fail('invalid-argument', `unable to create docker endpoint config: unrecognized config key: ${key}`);
  }
  const tls = new Map<string, Uint8Array>();
  for (const [key, file] of [
    ['ca', 'ca.pem'],
    ['cert', 'cert.pem'],
    ['key', 'key.pem'],
  ] as const) {
    const path = pairs.get(key);
    if (path !== undefined && path !== '') tls.set(file, readFile(path));
  }
  const skip = pairs.get('skip-tls-verify');
  if (skip !== undefined && !['true', 'false', '1', '0'].includes(skip.toLowerCase())) {
    throw fail(
      'invalid-argument',
      `unable to create docker endpoint config: strconv.ParseBool: parsing "${skip}": invalid syntax`,
    );
  }
  const SkipTLSVerify = skip !== undefined && ['true', '1'].includes(skip.toLowerCase());
  return { endpoint: { Host: pairs.get('host') ?? '', SkipTLSVerify }, tls };
}

function readFile(path: string): Uint8Array {
  try {
    return fileSystem().readFileSync(path);
  } catch (error) {
    throw fail('invalid-argument', `unable to create docker endpoint config: ${messageOf(error)}`, error);
  }
}

/** Writes a context; each file is whole at any time. With `tls` its files of TLS are replaced by these. */
export function writeContext(folder: string, meta: ContextMeta, tls?: ReadonlyMap<string, Uint8Array>): void {
  const folders = contextFolders(folder, meta.Name);
  if (tls) {
    fileSystem().rmSync(folders.tls, { recursive: true, force: true });
    for (const [name, content] of tls) writeWhole(`${folders.tls}/docker`, name, content);
  }
  writeWhole(folders.meta, 'meta.json', Buffer.from(JSON.stringify(meta)));
}

function writeWhole(directory: string, name: string, content: Uint8Array): void {
  const files = fileSystem();
  files.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const partial = `${directory}/${name}.${process.pid}.part`;
  files.writeFileSync(partial, content, { mode: 0o600, flush: true });
  files.renameSync(partial, `${directory}/${name}`);
}

/**
 * Removes a context with its certificates.
 * @throws `not-found`
 */
export function removeContext(folder: string, name: string): void {
  if (!contextExists(folder, name)) throw new EstibaError('not-found', `context "${name}" does not exist`);
  const folders = contextFolders(folder, name);
  fileSystem().rmSync(folders.tls, { recursive: true, force: true });
  fileSystem().rmSync(folders.meta, { recursive: true, force: true });
}

/** The TLS files of a context as bytes. */
export function tlsBytes(files: ReadonlyMap<string, string>): ReadonlyMap<string, Uint8Array> {
  return new Map([...files].map(([name, text]) => [name, Buffer.from(text)]));
}

/** A context of this name, described by the environment when it is the default one. */
export function anyContext(folder: string, name: string, environmentHost: string): ContextMeta {
  if (name !== defaultContext) return readContext(folder, name);
  return { Name: name, Metadata: {}, Endpoints: { docker: { Host: environmentHost, SkipTLSVerify: false } } };
}
