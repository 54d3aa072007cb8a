import { control } from '#build-api';
import type { BuildSession } from '#builder';
import type { Written } from '#grpc';
import { fail } from '#std/errors';
import { newId } from '#std/identifiers';
import { callError } from './errors.ts';
import { type FindSession, type SolveParts, solve } from './solve.ts';
import { statusMessages } from './status-message.ts';

/** One line of the JSON stream that `POST /build?version=2` answers. */
export type ClassicMessage =
  | { readonly id: 'moby.buildkit.trace'; readonly aux: string }
  | { readonly id: 'moby.image.id'; readonly aux: { readonly ID: string } }
  | { readonly error: string; readonly errorDetail: { readonly message: string } };

/** The query of `POST /build`: all values of a parameter. */
export type ClassicQuery = (name: string) => readonly string[];

type Attributes = Map<string, string>;

function jsonOf<T>(text: string | undefined, what: string): T | undefined {
  if (!text) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw fail('invalid-argument', `error reading ${what}`, cause);
  }
}

const isTrue = (text: string | undefined): boolean =>
  text !== undefined && !['', '0', 'no', 'false', 'none'].includes(text.trim().toLowerCase());

interface Ulimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

function networkOf(mode: string): [name: string, value: string][] {
  if (mode === '' || mode === 'default') return [];
  if (mode === 'host' || mode === 'none') return [['force-network-mode', mode]];
  throw fail('internal', `network mode ${JSON.stringify(mode)} not supported by buildkit`);
}

/** The parameters of the classic API as attributes of the Dockerfile frontend. */
function attributesOf(query: ClassicQuery): Attributes {
  const first = (name: string): string => query(name)[0] ?? '';
  const dictionary = (name: string) => Object.entries(jsonOf<Record<string, string | null>>(first(name), name) ?? {});
  const remote = first('remote');
  const cacheFrom = jsonOf<string[] | null>(first('cachefrom'), 'cache-from') ?? [];
  const ulimits = jsonOf<Ulimit[] | null>(first('ulimits'), 'ulimit settings') ?? [];
  const hosts = query('extrahosts').map((host) => host.replace(':', '='));
  const plain: readonly (readonly [name: string, value: string])[] = [
    ['filename', first('dockerfile')],
    ['target', first('target')],
    ['context', remote === 'client-session' ? '' : remote],
    ['cache-from', cacheFrom.join(',')],
    ['image-resolve-mode', isTrue(first('pull')) ? 'pull' : 'default'],
    ['platform', first('platform')],
    ['add-hosts', hosts.join(',')],
    ['shm-size', first('shmsize') === '0' ? '' : first('shmsize')],
    ['cgroup-parent', first('cgroupparent')],
    ['ulimit', ulimits.map(({ Name, Soft, Hard }) => `${Name}=${Soft}:${Hard}`).join(',')],
  ];
  return new Map([
    ...plain.filter(([, value]) => value !== ''),
    ...networkOf(first('networkmode')),
    ...(isTrue(first('nocache')) ? [['no-cache', ''] as const] : []),
    ...dictionary('buildargs').flatMap(([name, value]) =>
      value === null ? [] : [[`build-arg:${name}`, value] as const],
    ),
    ...dictionary('labels').map(([name, value]) => [`label:${name}`, value ?? ''] as const),
  ]);
}

interface Output {
  readonly Type: string;
  readonly Attrs?: Record<string, string> | null;
}

function exporterOf(query: ClassicQuery): Written<typeof control.exporter> | undefined {
  const [output] = jsonOf<Output[] | null>(query('outputs')[0], 'outputs') ?? [];
  if (output !== undefined && output.Type !== '') {
    const attrs = new Map(Object.entries(output.Attrs ?? {}));
    return output.Type === 'cacheonly' ? undefined : { type: output.Type, attrs };
  }
  const name = query('t').join(',');
  return { type: 'moby', attrs: new Map(name === '' ? [] : [['name', name]]) };
}

function requestOf(query: ClassicQuery): control.SolveRequest {
  const frontendAttrs = attributesOf(query);
  const exporter = exporterOf(query);
  const isInline = isTrue(frontendAttrs.get('build-arg:BUILDKIT_INLINE_CACHE'));
  const draft: Written<typeof control.solveRequest> = {
    ref: query('buildid')[0] ?? newId(),
    session: query('session')[0] ?? '',
    frontend: 'dockerfile.v0',
    frontendAttrs,
    exporters: exporter === undefined ? [] : [exporter],
    entitlements: frontendAttrs.get('force-network-mode') === 'host' ? ['network.host'] : [],
    ...(isInline && { cache: { exports: [{ type: 'inline' }] } }),
  };
  return control.solveRequest.decode(control.solveRequest.encode(draft));
}

/** A session whose client sent its files by another way. */
function withFiles(session: BuildSession, sent: BuildSession): BuildSession {
  return {
    id: session.id,
    signal: session.signal,
    local: (request, options) => sent.local(request, options),
    secret: (id, signal) => session.secret(id, signal),
    hasAgent: (id) => session.hasAgent(id),
    connectAgent: (id) => session.connectAgent(id),
    credentials: async (host) => (await sent.credentials(host)) ?? (await session.credentials(host)),
    contentStore: (name) => session.contentStore(name),
    sendFile: (id, metadata, content) => session.sendFile(id, metadata, content),
    sendDirectory: (id, metadata, directory, options) => session.sendDirectory(id, metadata, directory, options),
  };
}

/**
 * `POST /build?version=2`: a build of a client's session over the classic API, whose answer carries BuildKit's own status. What is
 * wrong with the query is thrown before anything is answered. `sent` stands for a session when the request brought the files itself.
 */
export function classicBuild(
  parts: SolveParts,
  query: ClassicQuery,
  signal: AbortSignal,
  sent?: BuildSession,
): AsyncGenerator<ClassicMessage> {
  const request = requestOf(query);
  if (sent === undefined) return answer(parts, request, signal);
  const sessions: FindSession = async (id, ending) => {
    if (id === sent.id) return sent;
    const found = await parts.sessions(id, ending);
    return id === request.session ? withFiles(found, sent) : found;
  };
  return answer({ ...parts, sessions }, { ...request, session: request.session || sent.id }, signal);
}

async function* answer(
  parts: SolveParts,
  request: control.SolveRequest,
  signal: AbortSignal,
): AsyncGenerator<ClassicMessage> {
  const solving = solve(parts, request, signal);
  // Its failure is told when all that came before has been.
  solving.catch(() => undefined);
  const progress = parts.builds.get(request.ref)?.progress;
  if (progress !== undefined) {
    for await (const batch of progress.follow(signal)) {
      for (const message of statusMessages(batch)) {
        const aux = Buffer.from(control.statusResponse.encode(message)).toString('base64');
        yield { id: 'moby.buildkit.trace', aux };
      }
    }
  }
  try {
    const response = await solving;
    const id = response['containerimage.config.digest'] ?? response['containerimage.digest'];
    if (id !== undefined) yield { id: 'moby.image.id', aux: { ID: id } };
  } catch (error) {
    const { message } = callError(error, signal);
    yield { errorDetail: { message }, error: message };
  }
}
