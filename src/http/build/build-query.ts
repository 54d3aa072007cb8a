import { fail, messageOf } from '#std/errors';
import type { Call } from '../exchange.ts';
import { jsonFault } from '../json/syntax.ts';
import type { Query } from '../query.ts';

/** Reads a parameter that is JSON; undefined when it is missing. Throws in Docker's words, `what` in them. */
function json(query: Query, key: string, what: string): unknown {
  const text = query.text(key);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail('invalid-argument', `${what}: ${jsonFault(text) ?? messageOf(error)}`, error);
  }
}

/** A parameter that is a JSON object of texts; null stands for no value. */
function dictionary(query: Query, key: string, what: string): Map<string, string | undefined> {
  const value = json(query, key, what);
  if (value === undefined || value === null) return new Map();
  const wrong = (): Error =>
    fail('invalid-argument', `${what}: json: cannot unmarshal into Go value of type map[string]string`);
  if (typeof value !== 'object' || Array.isArray(value)) throw wrong();
  return new Map(
    Object.entries(value).map(([name, text]: [string, unknown]) => {
      if (text === null) return [name, undefined];
      if (typeof text !== 'string') throw wrong();
      return [name, text];
    }),
  );
}

function list(query: Query, key: string, what: string): unknown[] {
  const value = json(query, key, what);
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value))
    throw fail('invalid-argument', `${what}: json: cannot unmarshal into Go value of type list`);
  return value;
}

function ulimits(query: Query): string {
  const what = 'error reading ulimit settings';
  return list(query, 'ulimits', what)
    .map((one) => {
      const { Name: name, Soft: soft, Hard: hard } = (one ?? {}) as Record<string, unknown>;
      if (typeof name !== 'string' || typeof soft !== 'number' || typeof hard !== 'number') {
        throw fail('invalid-argument', `${what}: json: cannot unmarshal into Go value of type container.Ulimit`);
      }
      return `${name}=${soft}:${hard}`;
    })
    .join(',');
}

function extraHosts(query: Query): string {
  return query
    .all('extrahosts')
    .map((one) => {
      const split = one.indexOf(':');
      if (split < 1) throw fail('invalid-argument', `bad format for add-host: ${JSON.stringify(one)}`);
      return `${one.slice(0, split)}=${one.slice(split + 1)}`;
    })
    .join(',');
}

/** What is no number counts as none, as Docker has it. */
function number(query: Query, key: string): number {
  const text = query.text(key) ?? '';
  return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : 0;
}

const memoryMin = 6 << 20;

/** Limits of the containers that steps run in. */
function limits(query: Query): Record<string, string> {
  const found: Record<string, string> = {};
  const numbers = {
    Memory: 'memory',
    MemorySwap: 'memswap',
    CpuShares: 'cpushares',
    CpuPeriod: 'cpuperiod',
    CpuQuota: 'cpuquota',
  };
  for (const [name, key] of Object.entries(numbers)) {
    const value = number(query, key);
    if (value !== 0) found[`estiba.resource:${name}`] = String(value);
  }
  const memory = number(query, 'memory');
  if (memory > 0 && memory < memoryMin) throw fail('invalid-argument', 'Minimum memory limit allowed is 6MB');
  for (const [name, key] of Object.entries({ CpusetCpus: 'cpusetcpus', CpusetMems: 'cpusetmems' })) {
    const value = query.text(key);
    if (value !== undefined) found[`estiba.resource:${name}`] = value;
  }
  return found;
}

function network(query: Query): Record<string, string> {
  const mode = query.text('networkmode') ?? '';
  if (mode === '' || mode === 'default' || mode === 'bridge') return {};
  if (mode.startsWith('container:')) {
    throw fail('not-implemented', `building in the network of a container (${mode}) is not supported`);
  }
  return { 'force-network-mode': mode };
}

/** Throws for what this engine's platform does not have. */
function refuse(query: Query): void {
  const wrong = (message: string): Error => fail('invalid-argument', message);
  if (query.flag('squash')) throw wrong('squash is only supported with experimental mode');
  const isolation = query.text('isolation') ?? '';
  if (isolation !== '' && isolation.toLowerCase() !== 'default') {
    throw wrong(`unsupported isolation: ${JSON.stringify(isolation)}`);
  }
  if (query.text('securityopt') !== undefined) throw wrong('security options are not supported on linux');
  list(query, 'outputs', 'invalid outputs specified');
}

/** The parameters of `POST /build` as options of the Dockerfile frontend. Throws `invalid-argument` in Docker's words. */
export function buildOptions({ query }: Pick<Call, 'query'>): Record<string, string> {
  refuse(query);
  const shmSize = number(query, 'shmsize');
  if (shmSize < 0) throw fail('invalid-argument', 'SHM size can not be less than 0');
  const buildArguments = dictionary(query, 'buildargs', 'error reading build args');
  const labels = dictionary(query, 'labels', 'error reading labels');
  const texts: readonly (readonly [name: string, value: string | undefined])[] = [
    ['filename', query.text('dockerfile')],
    ['target', query.text('target')],
    ['platform', query.text('platform')],
    ['context', query.text('remote')],
    ['add-hosts', extraHosts(query)],
    ['ulimit', ulimits(query)],
    ['cgroup-parent', query.text('cgroupparent')],
    ['shm-size', shmSize > 0 ? String(shmSize) : undefined],
    ['image-resolve-mode', query.flag('pull') ? 'pull' : undefined],
    ...[...buildArguments].map(([name, value]) => [`build-arg:${name}`, value] as const),
    ...[...labels].map(([name, value]) => [`label:${name}`, value ?? ''] as const),
  ];
  const isGiven = ([name, value]: (typeof texts)[number]): boolean =>
    value !== undefined && (value !== '' || /^(?:build-arg|label):/.test(name));
  return {
    ...Object.fromEntries(texts.filter(isGiven).map(([name, value]) => [name, value ?? ''])),
    ...(query.flag('nocache') && { 'no-cache': '' }),
    ...network(query),
    ...limits(query),
  };
}

/** Images whose history is looked into for what is known (`--cache-from`). */
export function buildCaches({ query }: Pick<Call, 'query'>): string[] {
  return list(query, 'cachefrom', 'error reading cache-from').filter((one) => typeof one === 'string');
}
