import { expect, test } from 'bun:test';
import { createFixture } from './testing/fixture.ts';

const dockerfile = `# VERSION sets the version
ARG VERSION=1.0
ARG NODESC
# base is the base stage
FROM busybox AS base
# FOO is foo
ARG FOO=bar
ARG VERSION
RUN --mount=type=secret,id=tok,required=true --mount=type=secret,id=opt --mount=type=ssh true
RUN --mount=type=cache,target=/c,id=cc true
from base as Final
ARG LAST=x
CMD echo hi
FROM scratch
COPY --from=base /x /
`;
const images = { 'docker.io/library/busybox:latest': { architecture: 'amd64', os: 'linux', config: {} } };

const at = (line: number): object => ({ location: { ranges: [{ start: { line }, end: { line } }] } });

async function ask(
  name: string,
  options: Record<string, string> = {},
): Promise<{ json: unknown; text: string; code?: string }> {
  using fixture = createFixture({ dockerfile: { Dockerfile: options.text ?? dockerfile }, context: {} }, images);
  const { metadata } = await fixture.build({ requestid: `frontend.${name}`, ...options });
  const text = (key: string): string => new TextDecoder().decode(metadata.get(key));
  const { sources, ...json } = JSON.parse(text('result.json')) as Record<string, unknown>;
  expect(sources === undefined).toBe(name === 'subrequests.describe');
  return {
    json,
    text: text('result.txt'),
    ...(metadata.has('result.statuscode') && { code: text('result.statuscode') }),
  };
}

test('an outline tells what a target takes from outside', async () => {
  const { json, text } = await ask('outline', { target: 'final' });
  expect(json).toEqual({
    name: 'final',
    args: [
      { name: 'VERSION', description: 'sets the version', value: '1.0', ...at(2) },
      { name: 'FOO', description: 'is foo', value: 'bar', ...at(7) },
      { name: 'LAST', value: 'x', ...at(12) },
    ],
    secrets: [
      { name: 'tok', required: true, ...at(9) },
      { name: 'opt', ...at(9) },
    ],
    ssh: [{ name: 'default', ...at(9) }],
  });
  expect(text).toBe(
    [
      'TARGET: final',
      '',
      'BUILD ARG   VALUE   DESCRIPTION',
      'VERSION     1.0     sets the version',
      'FOO         bar     is foo',
      'LAST        x       ',
      '',
      'SECRET   REQUIRED',
      'tok      true',
      'opt      ',
      '',
      'SSH       REQUIRED',
      'default   ',
      '',
    ].join('\n'),
  );
});

test('targets are listed with what they are built on', async () => {
  const { json } = await ask('targets');
  expect(json).toEqual({
    targets: [
      { name: 'base', description: 'is the base stage', base: 'busybox', ...at(5) },
      { name: 'final', base: 'base', ...at(11) },
      { default: true, base: 'scratch', ...at(14) },
    ],
  });
});

test('checks are told with where they are explained, and a file that cannot be built with why', async () => {
  const { json, code, text } = await ask('lint');
  const prefix = 'https://docs.docker.com/go/dockerfile/rule';
  expect(code).toBe('1');
  expect(json).toMatchObject({
    warnings: [
      { ruleName: 'StageNameCasing', url: `${prefix}/stage-name-casing/`, ...at(11) },
      { ruleName: 'ConsistentInstructionCasing', url: `${prefix}/consistent-instruction-casing/`, ...at(11) },
      {
        ruleName: 'JSONArgsRecommended',
        description:
          'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
        url: `${prefix}/json-args-recommended/`,
        detail: 'JSON arguments recommended for CMD to prevent unintended behavior related to OS signals',
        ...at(13),
      },
    ],
  });
  expect(text).toContain(
    `WARNING: StageNameCasing - ${prefix}/stage-name-casing/\nStage name 'Final' should be lowercase\n`,
  );
  const broken = await ask('lint', { text: 'FROM busybox\nRUN --foo x\n' });
  expect(broken).toMatchObject({
    code: '1',
    json: {
      warnings: null,
      buildError: { message: 'dockerfile parse error on line 2: unknown flag: --foo', ...at(2) },
    },
  });
  expect((await ask('lint', { text: 'FROM busybox\n' })).code).toBe('0');
});

test('what may be asked is told, and nothing else may', async () => {
  const { json } = await ask('subrequests.describe');
  expect(Object.values(json as object)).toMatchObject([
    { name: 'frontend.outline' },
    { name: 'frontend.targets' },
    { name: 'frontend.subrequests.describe' },
  ]);
  await expect(ask('nothing')).rejects.toThrow('unsupported request frontend.nothing');
});
