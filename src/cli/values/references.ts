/** The parts of an image's name; without tag and digest the tag is `latest`. */
export interface ImageName {
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Takes an image's name apart: `host:5000/repo:tag@sha256:…`. */
export function parseImageName(text: string): ImageName {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const name = at < 0 ? text : text.slice(0, at);
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  return {
    repository: colon < 0 ? name : name.slice(0, colon),
    tag: colon < 0 ? undefined : name.slice(colon + 1),
    digest,
  };
}

/** A name as people know it: without docker.io and library, with the tag that is meant. */
export function familiarName(text: string): string {
  const { repository, tag, digest } = parseImageName(text);
  const short = repository.replace(/^(?:index\.)?docker\.io\//, '').replace(/^library\//, '');
  if (digest !== undefined) return `${short}${tag === undefined ? '' : `:${tag}`}@${digest}`;
  return `${short}:${tag ?? 'latest'}`;
}
