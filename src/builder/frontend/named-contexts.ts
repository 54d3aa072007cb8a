import { isGitSource, readIgnoreFile } from '#dockerfile';
import { familiarName, type Platform, parseReference, printPlatform } from '#oci';
import { fail } from '#std/errors';
import { readFiles, type Surroundings, webContext } from './build-files.ts';
import { gitSource, parseGitReference } from './git-source.ts';
import type { ImageBases } from './image-bases.ts';
import { type BaseImage, readBaseImage } from './image-config.ts';
import { localSource } from './local-source.ts';
import type { FileSource } from './stage-state.ts';

/** A context that was given a name: files, and what they say of themselves when they are an image's. */
export interface NamedContext extends FileSource {
  readonly image?: BaseImage;
}

/** Finds contexts by the names that a Dockerfile uses (`--build-context NAME=…`). */
export class NamedContexts {
  readonly #known = new Map<string, Promise<NamedContext>>();

  constructor(
    readonly surroundings: Surroundings,
    readonly bases: ImageBases,
  ) {}

  has(name: string, platform: Platform): boolean {
    return this.#valueOf(name, platform) !== undefined;
  }

  /** Undefined when none is called so. */
  async find(name: string, platform: Platform): Promise<NamedContext | undefined> {
    const value = this.#valueOf(name, platform);
    if (value === undefined) return undefined;
    const key = `${name} ${printPlatform(platform)}`;
    let found = this.#known.get(key);
    if (found === undefined) {
      found = this.#load(name, value, platform);
      this.#known.set(key, found);
    }
    return found;
  }

  #valueOf(name: string, platform: Platform): string | undefined {
    const { namedContexts, inputs } = { ...this.surroundings.options, inputs: this.surroundings.inputs };
    if (namedContexts.size === 0 && inputs.size === 0) return undefined;
    for (const one of [name, usualName(name)]) {
      const value = namedContexts.get(`${one}::${printPlatform(platform)}`) ?? namedContexts.get(one);
      if (value !== undefined) return value;
      if (inputs.has(one) && !['context', 'dockerfile'].includes(one)) return `input:${one}`;
    }
    return undefined;
  }

  #load(name: string, value: string, platform: Platform): Promise<NamedContext> {
    const [, scheme = '', rest = ''] = /^([a-z-]+):(.*)$/s.exec(value) ?? [];
    if (isGitSource(value)) return Promise.resolve(this.#git(name, value));
    switch (scheme) {
      case 'docker-image':
      case 'oci-layout':
        return this.#image(name, scheme === 'docker-image' ? rest.replace(/^\/\//, '') : value, platform);
      case 'git':
        return Promise.resolve(this.#git(name, value));
      case 'http':
      case 'https':
        return webContext(this.surroundings, value);
      case 'local':
        return this.#local(name, rest);
      case 'input':
        return Promise.resolve(this.#input(rest, platform));
      default:
        throw fail('invalid-argument', `unsupported context source ${scheme || value} for ${name}`);
    }
  }

  #git(name: string, value: string): NamedContext {
    const { parts, options } = this.surroundings;
    const edge = gitSource(parseGitReference(value), {
      keepsGitDirectory: options.keepsGitDirectory,
      platform: parts.platform,
      name: `[context ${name}] ${value}`,
      isUncached: false,
    });
    return { edge };
  }

  async #image(name: string, reference: string, platform: Platform): Promise<NamedContext> {
    const title = `[context ${name}]`;
    const base = await this.bases.find({ name: reference, platform, title, shown: reference });
    return { edge: base.edge(`${title} ${reference}`), image: base.image };
  }

  async #local(name: string, local: string): Promise<NamedContext> {
    const { parts, context } = this.surroundings;
    const { platform } = parts;
    const sessionId = context.sessions[0]?.id;
    const ignoreFile = '.dockerignore';
    const edge = localSource(local, `[context ${name}] load .dockerignore`, platform, {
      followPaths: [ignoreFile],
      isFresh: true,
      sessionId,
    });
    const content = (await readFiles(this.surroundings, edge, [ignoreFile])).get(ignoreFile);
    const excludes = content === undefined ? [] : readIgnoreFile(new TextDecoder().decode(content));
    return { edge: localSource(local, `[context ${name}] load from client`, platform, { excludes, sessionId }) };
  }

  #input(name: string, platform: Platform): NamedContext {
    const { inputs, options } = this.surroundings;
    const edge = inputs.get(name);
    if (edge === undefined) throw fail('invalid-argument', `invalid input ${name} for context`);
    const metadata = options.inputMetadata.get(name);
    const config = metadata === undefined ? undefined : configIn(metadata);
    return { edge, ...(config && { image: readBaseImage(config, platform) }) };
  }
}

/** The configuration within what a client tells of an input: a JSON object with values in base64. */
function configIn(metadata: string): Uint8Array | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(metadata);
  } catch (error) {
    throw fail('invalid-argument', 'failed to unmarshal input metadata', error);
  }
  const value = (fields as Record<string, unknown> | null)?.['containerimage.config'];
  return typeof value === 'string' ? Buffer.from(value, 'base64') : undefined;
}

/** An image's name as people write it, without the tag that goes without saying. */
function usualName(name: string): string {
  try {
    const { name: full, tag, digest } = parseReference(name);
    return `${familiarName(full)}${tag === undefined || tag === 'latest' ? '' : `:${tag}`}${digest ? `@${digest}` : ''}`;
  } catch {
    return name;
  }
}
