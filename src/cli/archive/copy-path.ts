import { fail } from '#std/errors';
import { paths } from '../builtins.ts';

/** What is known of the end of a copy: a path here or in a container. */
export interface CopyEnd {
  readonly path: string;
  readonly exists: boolean;
  readonly isDirectory: boolean;
}

/** Where a copy lands: the folder that is unpacked into, and the name the copied thing has there. */
export interface Landing {
  readonly directory: string;
  readonly name: string;
}

/** One side of `docker cp` as it was typed: a path here, or `CONTAINER:PATH`. */
export interface CopyArgument {
  readonly container: string | undefined;
  readonly path: string;
}

/** Takes `CONTAINER:PATH` apart. What is absolute, or begins with a dot, is a path here whatever it holds. */
export function parseCopyArgument(text: string): CopyArgument {
  if (text.startsWith('/') || text.startsWith('.')) return { container: undefined, path: text };
  const colon = text.indexOf(':');
  const container = colon < 0 ? '' : text.slice(0, colon);
  return colon <= 0 ? { container: undefined, path: text } : { container, path: text.slice(colon + 1) };
}

/** Whether the path says itself that it is a folder: it ends with a slash. */
export function assertsDirectory(path: string): boolean {
  return path.endsWith('/') || path === '.' || path.endsWith('/.');
}

/** Whether what is in the folder is meant, and not the folder: it ends with `/.`. */
export function meansContents(path: string): boolean {
  return path === '.' || path.endsWith('/.');
}

/**
 * Where the source lands, by the rules of `docker cp`: into a folder that is there under its own name (or only what is
 * in it, with `/.`), else under the name of the destination.
 * @throws `invalid-argument` when a folder would land on a file, or a file in a folder that is not there
 */
export function landingOf(source: CopyEnd, destination: CopyEnd): Landing {
  const { basename, dirname } = paths();
  const target = destination.path.length > 1 ? destination.path.replace(/\/+$/, '') : destination.path;
  const under = { directory: dirname(target), name: basename(target) };
  if (destination.exists && destination.isDirectory) {
    if (meansContents(source.path)) return under.name === '' ? { directory: '/', name: '.' } : under;
    return { directory: target, name: basename(source.path) };
  }
  if (source.isDirectory) {
    if (destination.exists) throw fail('invalid-argument', 'cannot copy directory');
    return under;
  }
  if (!destination.exists && assertsDirectory(destination.path)) throw fail('invalid-argument', 'no such directory');
  return under;
}
