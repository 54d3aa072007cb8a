import { fail } from '#std/errors';
import { fileSystem } from '../builtins.ts';
import { taggedDigest } from './content-store.ts';
import { readFrom, unpackTar } from './standard-input.ts';

/** Directories of ours that the engine may read, by the names under which it asks, and what it is told of them. */
export interface Contexts {
  readonly directories: ReadonlyMap<string, string>;
  /** OCI layouts among the named contexts, by the names of their stores. */
  readonly layouts: ReadonlyMap<string, string>;
  readonly attributes: Readonly<Record<string, string>>;
  /** Which directory it is, to find what the engine has of it already. */
  readonly shareOf: string;
  /** Removes what was made for them. */
  clean(): void;
}

const remote = /^(?:https?:\/\/|git:\/\/|git@|github\.com\/|ssh:\/\/)/;

function requireDirectory(path: string): string {
  const stat = fileSystem().statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw fail('invalid-argument', `unable to prepare context: path "${path}" not found`);
  if (!stat.isDirectory()) throw fail('invalid-argument', `unable to prepare context: ${path} must be a directory`);
  return fileSystem().realpathSync(path);
}

/** A Dockerfile's directory and name there; it need not be below the context. */
function placeOf(file: string): { directory: string; name: string } {
  const slash = file.lastIndexOf('/');
  const name = file.slice(slash + 1);
  const directory = slash < 0 ? '.' : file.slice(0, slash + 1);
  const stat = fileSystem().statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw fail('invalid-argument', `failed to read dockerfile: open ${file}: no such file or directory`);
  }
  return { directory: fileSystem().realpathSync(directory), name };
}

/** `oci-layout://PATH[:TAG][@DIGEST]`: an image in a directory of ours, offered as a store under a name of its own. */
function layoutContext(name: string, source: string, layouts: Map<string, string>): string {
  const [, path = '', tag = 'latest', given] = /^oci-layout:\/\/(.*?)(?::([\w.-]+))?(?:@(.+))?$/.exec(source) ?? [];
  const stat = fileSystem().statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isDirectory()) {
    throw fail('invalid-argument', `failed to get build context ${name}: ${path} is not a directory`);
  }
  const directory = fileSystem().realpathSync(path);
  const digest = given ?? taggedDigest(directory, tag);
  if (digest === undefined) throw fail('not-found', `failed to get build context ${name}: ${path} has no tag ${tag}`);
  const store = `layout-${layouts.size}`;
  layouts.set(`oci:${store}`, directory);
  return `oci-layout://${store}:${tag}@${digest}`;
}

/** Named contexts: `name=path`, `name=docker-image://…` or `name=oci-layout://…`. */
function namedContexts(
  values: readonly string[],
  directories: Map<string, string>,
  layouts: Map<string, string>,
): Record<string, string> {
  return Object.fromEntries(
    values.map((value) => {
      const equals = value.indexOf('=');
      if (equals < 1) throw fail('invalid-argument', `invalid context value: ${value}, expected key=value`);
      const [name, source] = [value.slice(0, equals), value.slice(equals + 1)];
      if (source.startsWith('oci-layout://')) return [`context:${name}`, layoutContext(name, source, layouts)];
      if (/^[a-z][a-z0-9+.-]*:\/\//.test(source) || remote.test(source)) return [`context:${name}`, source];
      const stat = fileSystem().statSync(source, { throwIfNoEntry: false });
      if (stat === undefined || !stat.isDirectory()) {
        throw fail('invalid-argument', `failed to get build context ${name}: ${source} is not a directory`);
      }
      directories.set(name, fileSystem().realpathSync(source));
      return [`context:${name}`, `local:${name}`];
    }),
  );
}

/** What PATH, URL or `-` and the flags about files come to. A temporary directory holds what came by standard input. */
export async function openContexts(
  source: string,
  flags: { readonly file: string; readonly 'build-context': readonly string[] },
): Promise<Contexts> {
  const directories = new Map<string, string>();
  const layouts = new Map<string, string>();
  const temporary: string[] = [];
  const clean = (): void => {
    for (const path of temporary) fileSystem().rmSync(path, { recursive: true, force: true });
  };
  const attributes: Record<string, string> = {};
  const makeTemporary = (): string => {
    const base = process.env.TMPDIR ?? '/tmp';
    const path = fileSystem().mkdtempSync(`${base}/estiba-build-`);
    temporary.push(path);
    return path;
  };
  const dockerfileFromInput = async (): Promise<void> => {
    const directory = makeTemporary();
    fileSystem().writeFileSync(`${directory}/Dockerfile`, await readFrom(Bun.stdin.stream()));
    directories.set('dockerfile', directory);
    attributes.filename = 'Dockerfile';
  };
  try {
    if (source === '-' && flags.file === '-') {
      throw fail('invalid-argument', "invalid argument: can't use stdin for both build context and dockerfile");
    }
    if (source === '-') {
      const directory = makeTemporary();
      const isDockerfile = !(await unpackTar(Bun.stdin.stream(), directory));
      directories.set('context', directory);
      directories.set('dockerfile', directory);
      attributes.filename = isDockerfile || flags.file === '' ? 'Dockerfile' : flags.file;
    } else if (remote.test(source)) {
      attributes.context = source;
      if (flags.file === '-') await dockerfileFromInput();
      else attributes.filename = flags.file === '' ? 'Dockerfile' : flags.file;
      if (flags.file === '-') attributes.dockerfilekey = 'dockerfile';
    } else {
      const directory = requireDirectory(source);
      directories.set('context', directory);
      if (flags.file === '-') await dockerfileFromInput();
      else {
        const place = placeOf(flags.file === '' ? `${directory}/Dockerfile` : flags.file);
        directories.set('dockerfile', place.directory);
        attributes.filename = place.name;
      }
    }
    Object.assign(attributes, namedContexts(flags['build-context'], directories, layouts));
  } catch (error) {
    clean();
    throw error;
  }
  return { directories, layouts, attributes, shareOf: directories.get('context') ?? source, clean };
}
