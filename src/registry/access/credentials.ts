/** What the `Authorization` of a request has. */
export type Credentials =
  | { readonly scheme: 'none' }
  | { readonly scheme: 'basic'; readonly user: string; readonly password: string }
  | { readonly scheme: 'bearer'; readonly token: string }
  | { readonly scheme: 'unknown' };

const basicBytesMax = 4096;

/** Reads an `Authorization` header (RFC 7617, RFC 6750). */
export function readCredentials(header: string | null): Credentials {
  if (header === null || header.trim() === '') return { scheme: 'none' };
  const { scheme = '', rest = '' } = /^(?<scheme>[A-Za-z]+) +(?<rest>\S+)$/.exec(header.trim())?.groups ?? {};
  if (scheme.toLowerCase() === 'bearer') return { scheme: 'bearer', token: rest };
  if (scheme.toLowerCase() !== 'basic' || rest.length > basicBytesMax) return { scheme: 'unknown' };
  const text = Buffer.from(rest, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 1) return { scheme: 'unknown' };
  return { scheme: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) };
}
