import { DockerfileError, type LineRange } from '#dockerfile';
import { digestOf, formatReference, type Platform, parseReference, printPlatform, withDefaultTag } from '#oci';
import { EstibaError, fail, kindOf, messageOf } from '#std/errors';
import { formatTime, nowNs } from '#std/time';
import { createVertex } from '../graph/create-vertex.ts';
import type { Edge } from '../graph/vertex.ts';
import type { ResolvedImage } from '../sources/types.ts';
import type { Surroundings } from './build-files.ts';
import { type BaseImage, readBaseImage } from './image-config.ts';

/** An image that is named in a Dockerfile: what it says of itself, and what of it is fetched when it is needed. */
export interface ImageBase {
  readonly reference: string;
  readonly image: BaseImage;
  /** Its files, called `name` in progress. */
  edge(name: string): Edge;
}

/** Where a name stands for an image, as it is shown: `[internal]`, `[context x]`. */
export interface Asked {
  readonly name: string;
  readonly platform: Platform;
  readonly title: string;
  /** What of it is shown; its full name when undefined. */
  readonly shown?: string;
}

const notFoundPrefix = 'failed to resolve source metadata for ';

/** Finds images, each once a build. */
export class ImageBases {
  readonly #known = new Map<string, Promise<ImageBase>>();

  /** `idOf`: the id of an image that is here and is named by it, where images may be named so. */
  constructor(
    readonly surroundings: Surroundings,
    readonly idOf: (name: string) => string | undefined = () => undefined,
  ) {}

  /** Throws what the image's source throws, with the name in front of it. */
  find(asked: Asked): Promise<ImageBase> {
    const reference = this.#referenceOf(asked.name);
    const key = `${reference} ${printPlatform(asked.platform)}`;
    let found = this.#known.get(key);
    if (found === undefined) {
      found = this.#load(asked, reference, key);
      this.#known.set(key, found);
    }
    return found;
  }

  #referenceOf(name: string): string {
    if (name.includes('://')) return name;
    const id = this.idOf(name);
    if (id !== undefined) return id;
    return formatReference(withDefaultTag(parseReference(name)));
  }

  async #load(asked: Asked, reference: string, key: string): Promise<ImageBase> {
    const { platform, title, shown = reference } = asked;
    const resolved = await this.#reported(`${title} load metadata for ${shown}`, key, () =>
      this.#resolve(reference, platform),
    );
    const image = { ...readBaseImage(resolved.config, platform), id: resolved.imageId };
    const { imageResolveMode } = this.surroundings.options;
    const scheme = reference.startsWith('oci-layout://') ? '' : 'docker-image://';
    let edge: Edge | undefined;
    return {
      reference: resolved.reference,
      image,
      edge: (name) => {
        const attributes = imageResolveMode ? { 'image.resolvemode': imageResolveMode } : {};
        const identifier = `${scheme}${resolved.reference}`;
        const operation = { type: 'source', identifier, attributes } as const;
        // It is called as who asked first calls it.
        edge ??= { vertex: createVertex({ operation, inputs: [], platform, name, isUncached: false }), output: 0 };
        return edge;
      },
    };
  }

  async #resolve(reference: string, platform: Platform): Promise<ResolvedImage> {
    const { parts, context, options } = this.surroundings;
    try {
      return await parts.images.resolve(reference, platform, context, options.imageResolveMode);
    } catch (error) {
      if (context.signal.aborted) throw error;
      const message = messageOf(error);
      if (message.startsWith(notFoundPrefix)) throw error;
      throw fail(kindOf(error), `${notFoundPrefix}${reference}: ${message}`, error);
    }
  }

  /** Shows a piece of work that is no vertex. */
  async #reported<T>(name: string, key: string, work: () => Promise<T>): Promise<T> {
    const { onProgress } = this.surroundings.context;
    const startedAt = formatTime(nowNs());
    const shown = { type: 'vertex', digest: digestOf(`metadata ${key}`), inputs: [], name, startedAt } as const;
    onProgress(shown);
    try {
      const result = await work();
      onProgress({ ...shown, completedAt: formatTime(nowNs()) });
      return result;
    } catch (error) {
      const inner = error instanceof EstibaError && error.cause !== undefined ? error.cause : error;
      onProgress({ ...shown, completedAt: formatTime(nowNs()), error: messageOf(inner) });
      throw error;
    }
  }
}

/** Runs a step of finding a base; what goes wrong is said to be on these lines, and of this name. */
export async function forBase<T>(name: string, lines: LineRange, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof EstibaError) || error instanceof DockerfileError) throw error;
    throw new DockerfileError(`${name}: ${error.message}`, [lines], { kind: error.kind, cause: error });
  }
}
