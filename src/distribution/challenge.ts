/** What a server asks of whoever wants in (RFC 9110, section 11.3). */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** By their names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** A parameter, or a scheme that begins the next challenge. */
const piece = new RegExp(
  `[\\s,]*(?:(?<name>${token})\\s*=\\s*(?:"(?<quoted>(?:[^"\\\\]|\\\\.)*)"|(?<bare>[^\\s,"]*))|(?<scheme>${token}))`,
  'y',
);

/** Parses a `WWW-Authenticate` header, which may hold several challenges: `Bearer realm="…",service="…", Basic realm="…"`. */
export function parseChallenges(header: string): Challenge[] {
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  piece.lastIndex = 0;
  for (let match = piece.exec(header); match !== null; match = piece.exec(header)) {
    const { name, quoted, bare, scheme } = match.groups ?? {};
    if (scheme !== undefined) found.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    else if (name !== undefined)
      found.at(-1)?.parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '');
  }
  return found;
}
