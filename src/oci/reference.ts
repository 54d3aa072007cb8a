import { fail } from '#std/errors';

/** An image's name in full: `docker.io/library/busybox`, with a tag or a digest or both. */
export interface ImageReference {
  /** With the registry's host: `docker.io/library/busybox`. */
  readonly name: string;
  readonly tag?: string;
  readonly digest?: string;
}

const defaultHost = 'docker.io';
const legacyDefaultHost = 'index.docker.io';
const officialPrefix = 'library/';
const nameLimit = 255;

const hostPart = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const host = `(?:${hostPart}(?:\\.${hostPart})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const pathPart = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const tag = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const digest = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const referencePattern = new RegExp(
  `^(?<name>${host}/${pathPart}(?:/${pathPart})*)(?::(?<tag>${tag}))?(?:@(?<digest>${digest}))?$`,
);

function invalid(detail = ''): Error {
  return fail('invalid-argument', `invalid reference format${detail}`);
}

/** The registry's host and the rest; a first part is a host only when it cannot be a folder of the default one. */
function splitHost(text: string): [host: string, rest: string] {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  const isHost = slash !== -1 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  const [found, rest] = isHost ? [first, text.slice(slash + 1)] : [defaultHost, text];
  const full = found === legacyDefaultHost ? defaultHost : found;
  return [full, full === defaultHost && !rest.includes('/') ? officialPrefix + rest : rest];
}

/**
 * Parses a reference as people write it (`busybox`, `localhost:5000/a/b:tag`, `name@sha256:…`) into its full form (grammar
 * of the distribution project's reference package). Throws `invalid-argument` in Docker's words.
 */
export function parseReference(text: string): ImageReference {
  if (/^[0-9a-f]{64}$/.test(text)) {
    throw fail('invalid-argument', `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const [registry, rest] = splitHost(text);
  const remote = rest.split(/[:@]/, 1)[0] ?? '';
  if (remote.toLowerCase() !== remote) throw invalid(`: repository name (${remote}) must be lowercase`);
  const groups = referencePattern.exec(`${registry}/${rest}`)?.groups;
  const name = groups?.name;
  if (groups === undefined || name === undefined) throw invalid();
  if (name.length > nameLimit) {
    throw fail('invalid-argument', `repository name must not be more than ${nameLimit} characters`);
  }
  return {
    name,
    ...(groups.tag === undefined ? {} : { tag: groups.tag }),
    ...(groups.digest === undefined ? {} : { digest: groups.digest }),
  };
}

/** The reference with tag `latest` when it has neither tag nor digest. */
export function withDefaultTag(reference: ImageReference): ImageReference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference;
}

/** Whether a text can be a tag. */
export function isTag(text: string): boolean {
  return new RegExp(`^${tag}$`).test(text);
}

/** In full: `docker.io/library/busybox:latest`. */
export function formatReference({ name, tag: itsTag, digest: itsDigest }: ImageReference): string {
  return name + (itsTag === undefined ? '' : `:${itsTag}`) + (itsDigest === undefined ? '' : `@${itsDigest}`);
}

/** A full name as people write it: without the default host and its folder of official images. */
export function familiarName(name: string): string {
  if (!name.startsWith(`${defaultHost}/`)) return name;
  const rest = name.slice(defaultHost.length + 1);
  const short = rest.startsWith(officialPrefix) ? rest.slice(officialPrefix.length) : rest;
  // `docker.io/library/a/b` would read as another name without its folder.
  return short.includes('/') ? rest : short;
}

/** As people write it: `busybox:latest`. */
export function familiarReference(reference: ImageReference): string {
  return formatReference({ ...reference, name: familiarName(reference.name) });
}
