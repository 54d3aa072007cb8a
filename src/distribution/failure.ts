import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type ErrorKind, EstibaError, messageOf } from '#std/errors';
import { parseChallenges } from './challenge.ts';
import { nameOfHost } from './hosts.ts';

/** What a registry, or the way to it, failed with. */
export class RegistryError extends EstibaError {
  constructor(
    kind: ErrorKind,
    message: string,
    readonly details: {
      /** Of the answer; undefined when there was none. */
      readonly status?: number;
      /** The first code of the registry's errors: `MANIFEST_UNKNOWN`. */
      readonly code?: string;
      /** Whether the same may go well later. */
      readonly passes?: boolean;
      /** How long the registry asks to wait. */
      readonly waitMs?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(kind, message, details.cause === undefined ? undefined : { cause: details.cause });
  }
}

/** Whether the same may go well later. */
export function passes(error: unknown): boolean {
  return error instanceof RegistryError && error.details.passes === true;
}

/** Codes of failed TLS that another try does not mend, and Go's words for them. */
const certificateWords: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  CERT_HAS_EXPIRED: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

const probeMs = 3000;

/** Why TLS failed: most often it is a server of plain HTTP, and then it says so to whoever asks plainly. */
async function protocolWords(url: URL): Promise<string> {
  const init = { redirect: 'manual', proxy: false, signal: AbortSignal.timeout(probeMs) };
  const speaksPlainly = await fetch(`http://${url.host}/`, init as unknown as RequestInit).then(
    async ({ body }) => {
      await body?.cancel();
      return true;
    },
    () => false,
  );
  return speaksPlainly ? 'http: server gave HTTP response to HTTPS client' : 'remote error: tls: handshake failure';
}

/** What went wrong before the proxy was through, or on its other side. */
function causeBehind(proxy: string, error: unknown): { words: string; passes: boolean } {
  const refused = ['ConnectionRefused', 'ECONNREFUSED'].includes(codeOf(error));
  const words = refused ? `dial tcp ${new URL(proxy).host}: connect: connection refused` : messageOf(error);
  return { words: `proxyconnect tcp: ${words}`, passes: true };
}

async function causeOf(
  url: URL,
  error: unknown,
  proxy: string | undefined,
): Promise<{ words: string; passes: boolean }> {
  const name = nameOfHost(url.host);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const code = codeOf(error);
  const certificate = certificateWords[code];
  if (certificate !== undefined) return { words: certificate, passes: false };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const words = `tls: failed to verify certificate: x509: certificate is not valid for ${name}`;
    return { words, passes: false };
  }
  if (error instanceof Error && error.name === 'TimeoutError') return { words: error.message, passes: true };
  if (proxy !== undefined) return causeBehind(proxy, error);
  if (code === 'EPROTO') return { words: await protocolWords(url), passes: false };
  if (isIP(name) === 0 && (await lookup(name).catch(() => undefined)) === undefined) {
    return { words: `dial tcp: lookup ${name}: no such host`, passes: false };
  }
  if (code === 'ConnectionRefused' || code === 'ECONNREFUSED') {
    return { words: `dial tcp ${url.hostname}:${port}: connect: connection refused`, passes: true };
  }
  if (code === 'ECONNRESET' || code === 'ConnectionClosed') return { words: 'unexpected EOF', passes: true };
  return { words: messageOf(error), passes: true };
}

/** Go's way of writing a method in an error. */
function verb(method: string): string {
  return method.charAt(0) + method.slice(1).toLowerCase();
}

/** What came between us and a registry, in the words of Go's client, which Docker's users know. */
export async function unreachable(method: string, url: string, error: unknown, proxy?: string): Promise<Error> {
  if (error instanceof EstibaError) return error;
  const { words, passes: mayPass } = await causeOf(new URL(url), error, proxy);
  return new RegistryError('internal', `${verb(method)} ${JSON.stringify(url)}: ${words}`, {
    passes: mayPass,
    cause: error,
  });
}

const kinds: Readonly<Record<number, ErrorKind>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  429: 'rate-limited',
};

interface ErrorItem {
  readonly code?: unknown;
  readonly message?: unknown;
}

/** What a code is called where a registry gives it without a message. */
const standardMessages: Readonly<Record<string, string>> = {
  UNAUTHORIZED: 'authentication required',
  DENIED: 'requested access to the resource is denied',
  MANIFEST_UNKNOWN: 'manifest unknown',
  NAME_UNKNOWN: 'repository name not known to registry',
  BLOB_UNKNOWN: 'blob unknown to registry',
  TOOMANYREQUESTS: 'too many requests',
};

function itemsOf(text: string): ErrorItem[] | undefined {
  try {
    const { errors, details, detail } = JSON.parse(text) as Record<string, unknown>;
    if (Array.isArray(errors)) return errors as ErrorItem[];
    const said = details ?? detail;
    return typeof said === 'string' ? [{ message: said }] : [];
  } catch {
    return undefined;
  }
}

function wordsOf({ code, message }: ErrorItem, preset: string): string {
  const name = typeof code === 'string' && code !== '' ? code : preset;
  const said = typeof message === 'string' && message !== '' ? message : standardMessages[name.toUpperCase()];
  return `${name.toLowerCase().replaceAll('_', ' ')}: ${said ?? 'unknown error'}`;
}

function waitOf(headers: Headers): number | undefined {
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Codes of answers that stand for an error of the distribution specification where the body names none. */
const presetCodes: Readonly<Record<number, string>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'unknown',
  429: 'TOOMANYREQUESTS',
};

/** Whether a token was taken, and is not good for this (RFC 6750, section 3.1). */
function lacksScope(headers: Headers): boolean {
  const challenges = parseChallenges(headers.get('www-authenticate') ?? '');
  return challenges.some(({ parameters }) => parameters.get('error') === 'insufficient_scope');
}

const saidMaxLength = 500;

/** The error that an answer of a registry tells of, in the words of Docker's client (distribution specification, "Error Codes"). */
export function errorOfAnswer(status: number, statusText: string, headers: Headers, text: string): RegistryError {
  const passing = status >= 500 || status === 429 || status === 408;
  const waitMs = waitOf(headers);
  const details = { status, passes: passing, ...(waitMs !== undefined && { waitMs }) };
  const items = itemsOf(text);
  const kind = kinds[status] ?? 'internal';
  const preset = status === 401 && lacksScope(headers) ? 'DENIED' : presetCodes[status];
  const named = items?.filter((item) => typeof item === 'object' && item !== null) ?? [];
  const [first] = named;
  if (status >= 500) {
    const said = first === undefined ? '' : `: ${wordsOf(first, 'unknown')}`;
    return new RegistryError(
      kind,
      `received unexpected HTTP status: ${status} ${statusText}`.trimEnd() + said,
      details,
    );
  }
  if (preset === 'DENIED' && status === 401) {
    return new RegistryError('forbidden', wordsOf({}, preset), { ...details, code: preset });
  }
  if (first !== undefined) {
    const code = typeof first.code === 'string' ? first.code : preset;
    const words = named.map((item) => wordsOf(item, preset ?? 'unknown'));
    const message = words.length === 1 ? (words[0] ?? '') : `errors:\n${words.join('\n')}\n`;
    return new RegistryError(kind, message, { ...details, ...(code !== undefined && { code }) });
  }
  if (preset !== undefined && preset !== 'unknown') {
    // Something on the way may have answered, in its own words.
    const said = items === undefined ? { message: text.trim().slice(0, saidMaxLength) } : {};
    return new RegistryError(kind, wordsOf(said, preset), { ...details, code: preset });
  }
  if (text !== '' && items === undefined) {
    const shown = JSON.stringify(text.slice(0, 200));
    return new RegistryError(kind, `error parsing HTTP ${status} response body: invalid JSON: ${shown}`, details);
  }
  return new RegistryError(kind, `received unexpected HTTP status: ${status} ${statusText}`.trimEnd(), details);
}
