import type { Filters } from '#api';
import { fail } from '#std/errors';
import { type ContainerRecord, hasProcess } from '../record.ts';
import { statusOf } from './status.ts';

/** What list filters ask about others than the container itself. */
export interface FilterSources {
  find(name: string): ContainerRecord;
  /** Image ids that a reference stands for as an ancestor: its own and those built on it. */
  descendants(reference: string): ReadonlySet<string>;
  /** Names and ids of the networks that a container is in. */
  networksOf(record: ContainerRecord): readonly string[];
  /** Published host ports of a container, as `8080/tcp`, for those that run. */
  publishedPorts(record: ContainerRecord): readonly string[];
}

type Test = (record: ContainerRecord) => boolean;

const statuses = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
const healthStatuses = ['starting', 'healthy', 'unhealthy', 'none'];

function invalid(name: string, value: string): Error {
  return fail('invalid-argument', `invalid filter '${name}=${value}'`);
}

function oneOf(name: string, values: readonly string[], known: readonly string[]): readonly string[] {
  const wrong = values.find((value) => !known.includes(value));
  if (wrong !== undefined) throw invalid(name, wrong);
  return values;
}

function nameTest(value: string): Test {
  try {
    return matchName(value);
  } catch {
    throw invalid('name', value);
  }
}

function matchName(value: string): Test {
  const pattern = new RegExp(value.replace(/^\^?\/?/, (start) => (start.startsWith('^') ? '^' : '')));
  return ({ name }) => pattern.test(name);
}

function portTest(values: readonly string[], portsOf: (record: ContainerRecord) => readonly string[]): Test {
  const wanted = values.map((value) => {
    const [range = '', protocol = 'tcp'] = value.split('/');
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    if (!(first >= 0 && last >= first && last <= 65535)) throw fail('invalid-argument', `invalid port '${value}'`);
    return { first, last, protocol };
  });
  return (record) =>
    portsOf(record).some((port) => {
      const [number = '', protocol = 'tcp'] = port.split('/');
      return wanted.some(
        (range) => range.protocol === protocol && Number(number) >= range.first && Number(number) <= range.last,
      );
    });
}

function labelTest(values: readonly string[]): Test {
  return ({ config: { Labels } }) =>
    values.every((value) => {
      const [key = '', expected] = value.split(/=(.*)/s);
      return key in Labels && (expected === undefined || Labels[key] === expected);
    });
}

type Builder = (values: readonly string[], sources: FilterSources) => Test;

const builders: Readonly<Record<string, Builder>> = {
  id: (values) => (record) => values.some((value) => record.id.startsWith(value)),
  name: (values) => {
    const tests = values.map(nameTest);
    return (record) => tests.some((test) => test(record));
  },
  label: labelTest,
  status: (values) => {
    const wrong = values.find((value) => !statuses.includes(value));
    if (wrong !== undefined) {
      const known = statuses.join(', ');
      throw fail(
        'invalid-argument',
        `invalid filter 'status=${wrong}': invalid value for state (${wrong}): must be one of ${known}`,
      );
    }
    return (record) => values.includes(statusOf(record));
  },
  health: (values) => {
    oneOf('health', values, healthStatuses);
    return ({ life }) => values.includes(life.health?.Status ?? 'none');
  },
  exited: (values) => {
    const codes = values.map((value) => {
      if (!/^-?\d+$/.test(value)) throw invalid('exited', value);
      return Number(value);
    });
    return (record) => !hasProcess(record) && record.life.finishedAtNs !== '' && codes.includes(record.life.exitCode);
  },
  ancestor: (values, { descendants }) => {
    const ids = values.map(descendants);
    return ({ imageId }) => ids.some((set) => set.has(imageId));
  },
  before: (values, { find }) => {
    const bounds = values.map((value) => BigInt(find(value).createdAtNs));
    return ({ createdAtNs }) => bounds.every((bound) => BigInt(createdAtNs) < bound);
  },
  since: (values, { find }) => {
    const bounds = values.map((value) => BigInt(find(value).createdAtNs));
    return ({ createdAtNs }) => bounds.every((bound) => BigInt(createdAtNs) > bound);
  },
  volume: (values) => (record) =>
    record.mounts.some((mount) => values.some((value) => value === mount.Name || value === mount.Destination)),
  network:
    (values, { networksOf }) =>
    (record) =>
      networksOf(record).some((network) => values.includes(network)),
  expose: (values) => portTest(values, ({ config }) => Object.keys(config.ExposedPorts ?? {})),
  publish: (values, { publishedPorts }) => portTest(values, publishedPorts),
  isolation: () => () => true,
  'is-task': (values) => {
    const wanted = oneOf('is-task', values, ['true', 'false', '1', '0']);
    return () => wanted.some((value) => value === 'false' || value === '0');
  },
};

/** Builds the test of a container list's filters; throws `invalid-argument` for an unknown filter or value. */
export function containerFilter(filters: Filters, sources: FilterSources): Test {
  const tests = [...filters].map(([name, values]) => {
    const build = builders[name];
    if (build === undefined) throw fail('invalid-argument', `invalid filter '${name}'`);
    return build(values, sources);
  });
  return (record) => tests.every((test) => test(record));
}
