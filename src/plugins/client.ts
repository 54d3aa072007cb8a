import { EstibaError, fail, messageOf } from '#std/errors';
import type { PluginAddress } from './discovery.ts';

const protocol = 'application/vnd.docker.plugins.v1.2+json';
/** A plugin that says more than this is broken or hostile. */
const answerLimitBytes = 4 << 20;
const firstPauseMs = 100;
const longestPauseMs = 4000;

/** Why no connection was made. */
const refusals: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOENT: 'no such file or directory',
};

/** How long a call may take. */
export interface CallLimits {
  readonly timeoutMs: number;
  /** For how long a plugin that is not there (yet, or any more) is tried again; 0 for never. */
  readonly retryMs: number;
}

/** The plugin does not answer: it is not there, or takes too long. Anything may have come of the call. */
export class PluginSilence extends EstibaError {
  constructor(
    message: string,
    readonly isTimeout: boolean,
    cause: unknown,
  ) {
    super('internal', message, { cause });
  }
}

function urlOf(address: PluginAddress): string {
  if (address.kind === 'unix') return 'http://plugin.moby.localhost';
  return `${address.tls === undefined ? 'http' : 'https'}://${address.host}`;
}

async function connectionOf(address: PluginAddress): Promise<object> {
  if (address.kind === 'unix') return { unix: address.path };
  if (address.tls === undefined) return {};
  const { insecureSkipVerify, caFile, certFile, keyFile } = address.tls;
  const read = (path: string): Promise<string> => Bun.file(path).text();
  return {
    tls: {
      rejectUnauthorized: !insecureSkipVerify,
      ...(caFile !== '' && { ca: await read(caFile) }),
      ...(certFile !== '' && { cert: await read(certFile) }),
      ...(keyFile !== '' && { key: await read(keyFile) }),
    },
  };
}

/** The whole body, as text; throws when it has no end in sight. */
async function boundedText(method: string, response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > answerLimitBytes) {
      throw fail('internal', `${method}: the plugin's answer is longer than ${answerLimitBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseAnswer(method: string, text: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = text.trim() === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw fail('internal', `${method}: the plugin's answer is no JSON: ${messageOf(error)}`, error);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw fail('internal', `${method}: the plugin's answer is no JSON object`);
  }
  return parsed as Record<string, unknown>;
}

/** What a plugin says of its failure: `Err` of a JSON object, else its text. */
function failureOf(method: string, text: string): Error {
  try {
    const { Err } = parseAnswer(method, text);
    if (typeof Err === 'string' && Err !== '') return fail('internal', `${method}: ${Err}`);
  } catch {
    // No JSON: the text itself tells.
  }
  return fail('internal', `${method}: ${text.trim()}`);
}

/** Calls one plugin: HTTP POST of JSON, answered by JSON (Docker's plugin protocol, version 1). */
export class PluginClient {
  constructor(readonly address: PluginAddress) {}

  /**
   * Calls a method. Throws `PluginSilence` when no answer comes, else `internal` with what the plugin says of its failure,
   * as Docker words it.
   */
  async call(method: string, body: object | undefined, limits: CallLimits): Promise<Readonly<Record<string, unknown>>> {
    const endMs = performance.now() + limits.retryMs;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        return await this.#once(method, body, limits.timeoutMs);
      } catch (error) {
        const again = error instanceof PluginSilence && !error.isTimeout && performance.now() + pauseMs < endMs;
        if (!again) throw error;
        await Bun.sleep(pauseMs);
      }
    }
  }

  async #once(method: string, body: object | undefined, timeoutMs: number): Promise<Readonly<Record<string, unknown>>> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), timeoutMs);
    try {
      let status: number;
      let text: string;
      try {
        const response = await fetch(`${urlOf(this.address)}/${method}`, {
          method: 'POST',
          headers: { Accept: protocol },
          ...(body !== undefined && { body: JSON.stringify(body) }),
          ...(await connectionOf(this.address)),
          signal: abort.signal,
          redirect: 'manual',
          // A connection that is kept may lead to a plugin that has ended since.
          keepalive: false,
        });
        status = response.status;
        text = await boundedText(method, response);
      } catch (error) {
        if (error instanceof EstibaError) throw error;
        throw this.#silence(method, abort.signal.aborted, error);
      }
      if (status !== 200) throw failureOf(method, text);
      return parseAnswer(method, text);
    } finally {
      clearTimeout(timer);
      // Ends a connection whose answer was not wanted to its end.
      abort.abort();
    }
  }

  #silence(method: string, isTimeout: boolean, cause: unknown): PluginSilence {
    const where = `Post "${urlOf(this.address)}/${method}"`;
    if (isTimeout) return new PluginSilence(`${where}: context deadline exceeded`, true, cause);
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const reason = refusals[code];
    if (reason === undefined) return new PluginSilence(`${where}: EOF`, false, cause);
    const place = this.address.kind === 'unix' ? `unix ${this.address.path}` : `tcp ${this.address.host}`;
    return new PluginSilence(`${where}: dial ${place}: connect: ${reason}`, false, cause);
  }
}
