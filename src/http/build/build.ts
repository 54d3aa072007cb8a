import type { ProgressMessage } from '#api';
import type { Builder } from '#builder';
import type { RegistryCredentials } from '#images';
import { fail } from '#std/errors';
import type { ApiResponse, Call, Endpoint } from '../exchange.ts';
import { empty, stream } from '../exchange.ts';
import { credentialsOf } from '../images/registry-auth.ts';
import { encodeProgress } from '../progress.ts';
import { buildCaches, buildOptions } from './build-query.ts';
import type { BuildDoors } from './doors.ts';

/** Who builds. */
export interface BuildParts {
  /** Loaded with the first build. */
  readonly builder: () => Promise<Pick<Builder, 'classic' | 'takeSentFiles'>>;
  readonly builds: Pick<BuildDoors, 'buildOfSession' | 'cancelBuild'>;
}

/** `X-Registry-Config`: credentials by registry, as JSON in base64. What cannot be read counts as none, as with Docker. */
function registries({ headers }: Call): Map<string, RegistryCredentials> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(headers.get('x-registry-config') ?? '', 'base64').toString());
  } catch {
    return new Map();
  }
  if (typeof value !== 'object' || value === null) return new Map();
  return new Map(Object.entries(value).map(([host, one]: [string, unknown]) => [host, credentialsOf(one)]));
}

async function classicBuild(parts: BuildParts, call: Call): Promise<ApiResponse> {
  const { query, signal } = call;
  const options = buildOptions(call);
  const caches = buildCaches(call).map((ref) => ({ type: 'registry', attributes: { ref } }));
  const builder = await parts.builder();
  const isForced = query.flag('forcerm');
  const messages = await builder.classic({
    options,
    names: query.all('t'),
    caches,
    isQuiet: query.flag('q'),
    tellsRemoval: isForced || query.flag('rm', true),
    tellsFailedRemoval: isForced,
    credentials: registries(call),
    signal,
    ...(options.context === undefined && { body: call.body }),
  });
  return stream('application/json', encodeProgress(messages, 'build'));
}

async function* releasing(messages: AsyncIterable<object>, release: () => void): AsyncGenerator<ProgressMessage> {
  try {
    yield* messages as AsyncIterable<ProgressMessage>;
  } finally {
    release();
  }
}

/**
 * A build that is told of in BuildKit's words. Its files are in the body, unless they are said to be elsewhere: with a session that is
 * there for credentials alone, too.
 */
async function sessionBuild({ builder, builds }: BuildParts, call: Call): Promise<ApiResponse> {
  const { query, signal, body } = call;
  const values = (name: string): readonly string[] => query.all(name);
  const isSent = query.text('remote') === undefined;
  if (!isSent) {
    const messages = await builds.buildOfSession(values, signal);
    return stream('application/json', encodeProgress(messages as AsyncIterable<ProgressMessage>, 'build'));
  }
  const { takeSentFiles } = await builder();
  const fileName = query.text('dockerfile');
  const { session, release } = await takeSentFiles({ body, credentials: registries(call), fileName, signal });
  try {
    const messages = await builds.buildOfSession(values, signal, session);
    return stream('application/json', encodeProgress(releasing(messages, release), 'build'));
  } catch (error) {
    release();
    throw error;
  }
}

/** `POST /build`: a Dockerfile and its files in the request's body, or from elsewhere (`remote`). */
export function buildImage(parts: BuildParts): Endpoint {
  return async (call) => {
    const version = call.query.text('version') ?? '1';
    if (version === '1') return classicBuild(parts, call);
    if (version !== '2') throw fail('invalid-argument', `invalid version ${JSON.stringify(version)}`);
    return sessionBuild(parts, call);
  };
}

/** `POST /build/cancel` */
export function cancelBuild({ builds }: Pick<BuildParts, 'builds'>): Endpoint {
  return async ({ query }) => {
    const id = query.text('id');
    if (id === undefined) throw fail('invalid-argument', 'build ID not provided');
    await builds.cancelBuild(id);
    return { ...empty(200), headers: { 'Content-Type': 'application/json' } };
  };
}
