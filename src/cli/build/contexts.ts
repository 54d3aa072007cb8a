import { isGitSource, isWebSource } from '#dockerfile';
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

function isRemote(source: string): boolean {
  return isGitSource(source) || isWebSource(source) || source.startsWith('github.com/');
}

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
      if (/^[a-z][a-z0-9+.-]*:\/\//.test(source) || isRemote(source)) return [`context:${name}`, source];
      const stat = fileSystem().statSync(source, { throwIfNoEntry: false });
      if (stat === undefined || !stat.isDirectory()) {
        throw fail('invalid-argument', `failed to get build context ${name}: ${source} is not a directory`);
      }
      directories.set(name, fileSystem().realpathSync(source));
      return [`context:${name}`, `local:${name}`];
    }),
  );
}

type FileFlags = { readonly file: string; readonly 'build-context': readonly string[] };

/** What is found out of the contexts, one after the other. */
class ContextsDraft {
  readonly directories = new Map<string, string>();
  readonly layouts = new Map<string, string>();
  readonly attributes: Record<string, string> = {};
  readonly #temporary: string[] = [];

  /** A directory that is gone after the build. */
  #makeTemporary(): string {
    const path = fileSystem().mkdtempSync(`${process.env.TMPDIR ?? '/tmp'}/estiba-build-`);
    this.#temporary.push(path);
    return path;
  }

  /** All files, or the Dockerfile alone, by standard input. */
  async takeInput(file: string): Promise<void> {
    const directory = this.#makeTemporary();
    const isDockerfile = !(await unpackTar(Bun.stdin.stream(), directory));
    this.directories.set('context', directory);
    this.directories.set('dockerfile', directory);
    this.attributes.filename = isDockerfile || file === '' ? 'Dockerfile' : file;
  }

  async takeDockerfileInput(): Promise<void> {
    const directory = this.#makeTemporary();
    fileSystem().writeFileSync(`${directory}/Dockerfile`, await readFrom(Bun.stdin.stream()));
    this.directories.set('dockerfile', directory);
    this.attributes.filename = 'Dockerfile';
  }

  async takeRemote(source: string, file: string): Promise<void> {
    this.attributes.context = source;
    if (file !== '-') this.attributes.filename = file === '' ? 'Dockerfile' : file;
    else {
      await this.takeDockerfileInput();
      this.attributes.dockerfilekey = 'dockerfile';
    }
  }

  async takeDirectory(source: string, file: string): Promise<void> {
    const directory = requireDirectory(source);
    this.directories.set('context', directory);
    if (file === '-') return await this.takeDockerfileInput();
    const place = placeOf(file === '' ? `${directory}/Dockerfile` : file);
    this.directories.set('dockerfile', place.directory);
    this.attributes.filename = place.name;
  }

  takeNamed(values: readonly string[]): void {
    Object.assign(this.attributes, namedContexts(values, this.directories, this.layouts));
  }

  clean(): void {
    for (const path of this.#temporary) fileSystem().rmSync(path, { recursive: true, force: true });
  }
}

/** What PATH, URL or `-` and the flags about files come to. A temporary directory holds what came by standard input. */
export async function openContexts(source: string, { file, 'build-context': named }: FileFlags): Promise<Contexts> {
  if (source === '-' && file === '-') {
    throw fail('invalid-argument', "invalid argument: can't use stdin for both build context and dockerfile");
  }
  const draft = new ContextsDraft();
  try {
    if (source === '-') await draft.takeInput(file);
    else if (isRemote(source)) await draft.takeRemote(source, file);
    else await draft.takeDirectory(source, file);
    draft.takeNamed(named);
  } catch (error) {
    draft.clean();
    throw error;
  }
  const { directories, layouts, attributes } = draft;
  return {
    directories,
    layouts,
    attributes,
    shareOf: directories.get('context') ?? source,
    clean: () => draft.clean(),
  };
}
