import { expect, test } from 'bun:test';
import { join } from 'node:path';
import {
  type CheckResult,
  checkDockerfile,
  createIgnoreMatcher,
  excerpt,
  type LineRange,
  readIgnoreFile,
  type StageConfig,
} from './index.ts';

const platform = { os: 'linux', architecture: 'amd64' };
const check = (source: string, ignore?: string): CheckResult =>
  checkDockerfile(source, {
    platform,
    buildPlatform: platform,
    ...(ignore !== undefined && { ignore: createIgnoreMatcher(readIgnoreFile(ignore)) }),
  });

/** The lines of a table of answers, without its comments. */
async function table(name: string): Promise<string[]> {
  const text = await Bun.file(join(import.meta.dir, 'testing', name)).text();
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('# '));
}

/** A table in which each answer stands, indented, below what was asked. */
async function answers(name: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  let last: string[] = [];
  for (const line of await table(name)) {
    if (line.startsWith('  ')) last.push(line.trim());
    else {
      last = [];
      found.set(line, last);
    }
  }
  return found;
}

const printLines = (ranges: readonly LineRange[]): string =>
  ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',') || '-';

const printResult = ({ error, warnings }: CheckResult): string[] => [
  ...(error === undefined ? [] : [`error ${printLines(error.lines)} ${JSON.stringify(error.message)}`]),
  ...warnings.map(({ rule, lines, detail }) => `${rule} ${printLines([lines])} ${JSON.stringify(detail)}`),
];

test('errors and warnings are those of BuildKit', async () => {
  const asked = await answers('checks.txt');
  expect(asked.size).toBeGreaterThan(300);
  const mine = [...asked.keys()].map((line) => {
    const [source = '', ignore] = JSON.parse(`[${line.replace(/" "(?=(?:[^"\\]|\\.)*"$)/, '","')}]`) as string[];
    return [line, printResult(check(source, ignore))] as const;
  });
  expect(Object.fromEntries(mine)).toEqual(Object.fromEntries(asked));
});

test('descriptions of the checks are those of BuildKit', async () => {
  const known = new Map((await table('descriptions.txt')).map((line) => line.split(/ (.*)/, 2) as [string, string]));
  const found = new Map<string, string>();
  for (const line of (await answers('checks.txt')).keys()) {
    const [source = '', ignore] = JSON.parse(`[${line.replace(/" "(?=(?:[^"\\]|\\.)*"$)/, '","')}]`) as string[];
    for (const { rule, description } of check(source, ignore).warnings) found.set(rule, description);
  }
  expect([...found].sort()).toEqual([...known].sort());
});

const configOf = (result: CheckResult): StageConfig | undefined => {
  const { plan, stages } = result.checked ?? {};
  return plan && stages?.get(plan.target)?.config;
};

test('words with variables are what BuildKit makes of them', async () => {
  const rows = (await table('words.txt')).map((line) => line.split('\t'));
  expect(rows.length).toBeGreaterThan(70);
  const mine = rows.map(([value = '', word = '']) => {
    const config = configOf(check(`FROM scratch\nARG v=${value}\nARG e=\nLABEL r=${word}`));
    return [value, word, config?.labels.get('r')];
  });
  expect(mine).toEqual(rows);
});

/** A configuration in the words of an image's, without what is empty. */
function printConfig(config: StageConfig): Record<string, unknown> {
  const { healthcheck } = config;
  const environment = [...config.environment].map(([name, value]) => `${name}=${value}`);
  const spans = {
    Interval: healthcheck?.interval,
    Timeout: healthcheck?.timeout,
    StartPeriod: healthcheck?.startPeriod,
    StartInterval: healthcheck?.startInterval,
    Retries: healthcheck?.retries,
  };
  const fields = {
    Env: environment.filter((one) => one !== 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'),
    Cmd: config.command,
    Entrypoint: config.entrypoint,
    ExposedPorts: [...config.exposedPorts].sort(),
    Volumes: [...config.volumes].sort(),
    Labels: Object.fromEntries(config.labels),
    OnBuild: config.triggers,
    Shell: config.shell,
    StopSignal: config.stopSignal,
    User: config.user,
    WorkingDir: config.workingDirectory === '/' ? '' : config.workingDirectory,
    Author: config.author,
    Healthcheck: healthcheck && {
      Test: healthcheck.test,
      ...Object.fromEntries(Object.entries(spans).filter(([, value]) => value !== 0)),
    },
  };
  const isEmpty = (value: unknown): boolean =>
    value === undefined ||
    value === '' ||
    (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}

test('instructions make the configuration that BuildKit makes', async () => {
  const asked = await answers('configs.txt');
  expect(asked.size).toBeGreaterThan(40);
  for (const [line, [wanted = '']] of asked) {
    const config = configOf(check(JSON.parse(line) as string));
    expect([line, config && printConfig(config)]).toEqual([line, JSON.parse(wanted)]);
  }
});

test('an excerpt marks the lines of an error, with as many around as BuildKit shows', () => {
  const source = 'FROM busybox\nCOPY x\n';
  const { error } = check(source);
  const rule = '-'.repeat(20);
  expect(excerpt('Dockerfile', source, error?.lines ?? [])).toBe(
    `Dockerfile:2\n${rule}\n   1 |     FROM busybox\n   2 | >>> COPY x\n   3 |     \n${rule}\n`,
  );
  expect(excerpt('Dockerfile', source, [])).toBe('');
  const shown = (count: number, ...ranges: LineRange[]): string =>
    excerpt('f', Array.from({ length: count }, () => 'x').join('\n'), ranges).replace(
      /^ +(\d+) \| (.{3}) x$/gm,
      '$1$2',
    );
  const line = (first: number, last = first): LineRange => ({ first, last });
  const body = (text: string): string => text.split('\n').slice(2, -2).join(' ').replaceAll('   ', '');
  expect(body(shown(4, line(4)))).toBe('2 3 4>>>');
  expect(body(shown(4, line(1)))).toBe('1>>> 2 3');
  expect(body(shown(9, line(5)))).toBe('3 4 5>>> 6 7');
  expect(body(shown(9, line(4, 5)))).toBe('3 4>>> 5>>> 6');
  expect(body(shown(9, line(7), line(3)))).toBe('2 3>>> 4 5 6 7>>> 8');
});
