import { type CheckOptions, parseCheckOptions } from '#dockerfile';
import { type Platform, parsePlatform } from '#oci';
import { fail } from '#std/errors';
import type { ExecOperation } from '../graph/operation.ts';
import type { FrontendOptions } from '../types.ts';

/** Which stages are done anew: all, or those named. */
export type Uncached = 'all' | ReadonlySet<string>;

/** What a build of a Dockerfile is asked for, read from BuildKit's options. */
export interface DockerfileOptions {
  readonly fileName: string;
  readonly target?: string;
  /** All of them, those that are options of BuildKit too. */
  readonly buildArguments: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  readonly platforms: readonly Platform[];
  readonly isMultiPlatform: boolean;
  readonly uncached: Uncached;
  readonly remoteContext: string;
  readonly contextDirectory: string;
  /** What the client calls the directories. */
  readonly contextName: string;
  readonly dockerfileName: string;
  /** The Dockerfile is the client's, though the context is from elsewhere. */
  readonly isDockerfileLocal: boolean;
  readonly namedContexts: ReadonlyMap<string, string>;
  /** What is told of file systems that take the place of contexts, by name. */
  readonly inputMetadata: ReadonlyMap<string, string>;
  readonly extraHosts: readonly { readonly host: string; readonly address: string }[];
  readonly shmSizeBytes: number;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly cgroupParent: string;
  /** Limits of the classic API, by their names there; BuildKit has none. */
  readonly resources: ExecOperation['resources'];
  readonly network: 'sandbox' | 'host' | 'none';
  /** A network of this engine, by name; BuildKit knows none. */
  readonly networkName?: string;
  readonly hostname: string;
  /** A frontend that is asked for beside that in the file. */
  readonly syntax?: string;
  /** The time that everything is given, in seconds since 1970. */
  readonly epochSeconds?: bigint;
  readonly keepsGitDirectory: boolean;
  readonly cacheNamespace: string;
  readonly check?: CheckOptions;
  readonly checkText?: string;
  readonly subrequest?: string;
  /** The classic builder does not take a pattern that matches nothing. */
  readonly isClassic: boolean;
  readonly imageResolveMode?: 'default' | 'pull' | 'local';
}

const wrong = (message: string): Error => fail('invalid-argument', message);

const prefixed = (options: FrontendOptions, prefix: string): Map<string, string> =>
  new Map(
    Object.entries(options).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
    ),
  );

const list = (text: string | undefined): string[] => (text ? text.split(',').map((part) => part.trim()) : []);

function hostsOf(text: string | undefined): { host: string; address: string }[] {
  return list(text).map((one) => {
    const split = one.indexOf('=');
    if (split < 1) throw wrong(`failed to parse additional hosts: invalid key-value pair ${one}`);
    return { host: one.slice(0, split), address: one.slice(split + 1) };
  });
}

function ulimitsOf(text: string | undefined): { name: string; soft: number; hard: number }[] {
  return list(text).map((one) => {
    const [, name, soft = '', hard = soft] = /^(\w+)=(-?\d+)(?::(-?\d+))?$/.exec(one) ?? [];
    if (name === undefined) throw wrong(`failed to parse ulimit: invalid ulimit argument: ${one}`);
    return { name, soft: Number(soft), hard: Number(hard) };
  });
}

function networkOf(mode = ''): Pick<DockerfileOptions, 'network' | 'networkName'> {
  if (['', 'default', 'sandbox', 'bridge'].includes(mode)) return { network: 'sandbox' };
  if (mode === 'host' || mode === 'none') return { network: mode };
  return { network: 'sandbox', networkName: mode };
}

const resourceNames = [
  'Memory',
  'MemorySwap',
  'CpuShares',
  'CpuPeriod',
  'CpuQuota',
  'CpusetCpus',
  'CpusetMems',
] as const;

/** `estiba.resource:Memory=1048576` and its kin. */
function resourcesOf(options: FrontendOptions): ExecOperation['resources'] {
  return Object.fromEntries(
    resourceNames.flatMap((name) => {
      const text = options[`estiba.resource:${name}`];
      if (text === undefined) return [];
      return [[name, name.startsWith('Cpuset') ? text : Number(text)] as const];
    }),
  );
}

function shmSizeOf(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  if (!/^[+-]?\d{1,15}$/.test(text)) throw wrong(`failed to parse shm-size: invalid syntax: ${JSON.stringify(text)}`);
  return Math.max(0, Number(text));
}

function uncachedOf(text: string | undefined): Uncached {
  if (text === undefined) return new Set();
  return text === '' ? 'all' : new Set(text.split(',').map((name) => name.trim().toLowerCase()));
}

function resolveModeOf(text: string | undefined): DockerfileOptions['imageResolveMode'] {
  if (text === undefined || text === '') return undefined;
  if (text === 'default' || text === 'pull' || text === 'local') return text;
  throw wrong(`invalid image-resolve-mode: ${text}`);
}

function epochOf(text: string | undefined): bigint | undefined {
  // As with BuildKit what is no number counts as none given by the client.
  if (text === undefined || text === '') return undefined;
  if (!/^-?\d{1,18}$/.test(text)) throw wrong(`invalid SOURCE_DATE_EPOCH: ${text}`);
  return BigInt(text);
}

function boolean(name: string, text: string | undefined): boolean {
  if (text === undefined || text === '') return false;
  if (/^(?:1|t|true)$/i.test(text)) return true;
  if (/^(?:0|f|false)$/i.test(text)) return false;
  throw wrong(`invalid boolean value for ${name}: ${text}`);
}

/** Reads the options of `dockerfile.v0`. `own` is the platform of who asks for none. Throws `invalid-argument`. */
export function readOptions(options: FrontendOptions, own: Platform): DockerfileOptions {
  const buildArguments = prefixed(options, 'build-arg:');
  const given = (name: string): string | undefined => buildArguments.get(name);
  const platforms = list(options.platform).map((text) => parsePlatform(text));
  const multi = options['multi-platform'] ?? given('BUILDKIT_MULTI_PLATFORM');
  const isMultiPlatform = platforms.length > 1 || boolean('multi-platform', multi);
  if (platforms.length > 1 && multi && !boolean('multi-platform', multi)) {
    throw wrong('conflicting config: returning multiple target platforms is not allowed');
  }
  const checkText = given('BUILDKIT_DOCKERFILE_CHECK');
  const syntax = options.cmdline ?? given('BUILDKIT_SYNTAX');
  const epochSeconds = epochOf(given('SOURCE_DATE_EPOCH'));
  const imageResolveMode = resolveModeOf(options['image-resolve-mode']);
  return {
    fileName: options.filename || 'Dockerfile',
    buildArguments,
    labels: prefixed(options, 'label:'),
    platforms: platforms.length > 0 ? platforms : [own],
    isMultiPlatform,
    uncached: uncachedOf(options['no-cache']),
    remoteContext: options.context ?? '',
    contextDirectory: options.contextsubdir ?? '',
    contextName: options.contextkey || 'context',
    dockerfileName: options.dockerfilekey || 'dockerfile',
    isDockerfileLocal: Boolean(options.dockerfilekey),
    namedContexts: prefixed(options, 'context:'),
    inputMetadata: prefixed(options, 'input-metadata:'),
    extraHosts: hostsOf(options['add-hosts']),
    shmSizeBytes: shmSizeOf(options['shm-size']),
    ulimits: ulimitsOf(options.ulimit),
    cgroupParent: options['cgroup-parent'] ?? '',
    resources: resourcesOf(options),
    isClassic: false,
    ...networkOf(options['force-network-mode']),
    hostname: options.hostname || given('BUILDKIT_SANDBOX_HOSTNAME') || '',
    keepsGitDirectory: boolean('BUILDKIT_CONTEXT_KEEP_GIT_DIR', given('BUILDKIT_CONTEXT_KEEP_GIT_DIR')),
    cacheNamespace: given('BUILDKIT_CACHE_MOUNT_NS') ?? '',
    ...(options.target && { target: options.target }),
    ...(syntax && { syntax }),
    ...(epochSeconds !== undefined && { epochSeconds }),
    ...(checkText !== undefined && { checkText, check: parseCheckOptions(checkText) }),
    ...(options.requestid && { subrequest: options.requestid }),
    ...(imageResolveMode && { imageResolveMode }),
  };
}

/** Whether a stage is to be done anew. */
export function isUncached(uncached: Uncached, stageName: string): boolean {
  return uncached === 'all' || uncached.has(stageName.toLowerCase());
}
