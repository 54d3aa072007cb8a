import { containerStatuses, type Filters, healthStatuses } from '#api';
import { fail } from '#std/errors';
import { type ContainerRecord, hasProcess } from '../record.ts';
import { statusOf } from './status.ts';

/** What list filters ask about others than the container itself. */
export interface FilterSources {
  find(name: string): ContainerRecord;
  /** Image ids that a reference stands for as an ancestor: its own and those built on it. */
  descendants(reference: string): ReadonlySet<string>;
  /** The networks that a container is in; without an id where it does not run. */
  networksOf(record: ContainerRecord): readonly { name: string; id: string }[];
  /** Published host ports of a container, as `8080/tcp`, for those that run. */
  publishedPorts(record: ContainerRecord): readonly string[];
}

type Test = (record: ContainerRecord) => boolean;

function invalid(name: string, values: readonly string[], cause = ''): Error {
  return fail('invalid-argument', `invalid filter '${name}=${values.join(' ')}'${cause}`);
}

/** The values, each one of those that the filter knows; `what` names them in the error. */
function oneOf(name: string, what: string, values: readonly string[], known: readonly string[]): readonly string[] {
  const wrong = values.find((value) => !known.includes(value));
  if (wrong === undefined) return values;
  throw invalid(name, [wrong], `: invalid value for ${what} (${wrong}): must be one of ${known.join(', ')}`);
}

/** A name by a regular expression, with its slash or without; one that is none matches nothing, as with Docker. */
function nameTest(value: string): Test {
  const [, flags = '', pattern = ''] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(value) ?? [];
  try {
    const expression = new RegExp(pattern, flags);
    return ({ name }) => name === value || expression.test(name) || expression.test(`/${name}`);
  } catch {
    return () => false;
  }
}

function portFault(range: string): string | undefined {
  if (range === '') return 'Empty string specified for ports.';
  const bounds = range.split('-');
  for (const bound of bounds) {
    const parsing = `strconv.ParseUint: parsing ${JSON.stringify(bound)}:`;
    if (!/^\d+$/.test(bound)) return `${parsing} invalid syntax`;
    if (Number(bound) > 65535) return `${parsing} value out of range`;
  }
  const [first, last = first] = bounds.map(Number);
  return Number(first) > Number(last) ? `Invalid range specified for the Port: ${range}` : undefined;
}

function portTest(
  name: string,
  values: readonly string[],
  portsOf: (record: ContainerRecord) => readonly string[],
): Test {
  const wanted = values.map((value) => {
    const [range = '', protocol = 'tcp'] = value.split('/');
    const fault = portFault(range);
    if (fault !== undefined) throw fail('invalid-argument', `error while looking up for ${name} ${value}: ${fault}`);
    const [first = 0, last = first] = range.split('-').map(Number);
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
  id: (values) => (record) => values.some((value) => value !== '' && record.id.startsWith(value)),
  name: (values) => {
    const tests = values.map(nameTest);
    return (record) => tests.some((test) => test(record));
  },
  label: labelTest,
  status: (values) => {
    oneOf('status', 'state', values, containerStatuses);
    return (record) => values.includes(statusOf(record));
  },
  health: (values) => {
    oneOf('health', 'health', values, healthStatuses);
    return ({ life }) => values.includes(life.health?.Status ?? 'none');
  },
  exited: (values) => {
    const codes = values.map((value) => {
      if (/^[+-]?\d+$/.test(value)) return Number(value);
      throw invalid('exited', [value], `: strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
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
    record.mounts.some(({ Name, Source, Destination }) =>
      values.some((value) => value === (Name || Source) || value === Destination),
    ),
  network:
    (values, { networksOf }) =>
    (record) =>
      networksOf(record).some(({ name, id }) => values.some((value) => value === name || id.startsWith(value))),
  expose: (values) => portTest('expose', values, ({ config }) => Object.keys(config.ExposedPorts ?? {})),
  publish: (values, { publishedPorts }) => portTest('publish', values, publishedPorts),
  isolation: () => () => true,
  'is-task': (values) => {
    const wanted = new Set(values.map((value) => ({ true: true, '1': true, false: false, '0': false })[value]));
    const [isTask] = wanted;
    if (wanted.size !== 1 || isTask === undefined) throw invalid('is-task', [`[${values.join(' ')}]`]);
    return () => !isTask;
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
