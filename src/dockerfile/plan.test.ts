import { expect, test } from 'bun:test';
import { parsePlatform } from '#oci';
import { evaluatePlan, type Plan, type PlanOptions, parseDockerfile, planBuild } from './index.ts';

const platform = { os: 'linux', architecture: 'amd64' };
const plan = (source: string, options: Partial<PlanOptions> = {}): Plan =>
  planBuild(parseDockerfile(source), { platform, buildPlatform: platform, ...options });

const source = `ARG TAG=1
FROM --platform=$BUILDPLATFORM base:$TAG AS tools
FROM tools AS unused
FROM scratch AS files
COPY a /a
FROM tools AS made
RUN --mount=from=files,target=/in --mount=type=bind,from=example.com/x,target=/x --mount=type=cache,target=/c make
FROM scratch
COPY --from=made /out /
COPY --from=2 /a /
COPY --from=busybox /bin /
`;

test('stages know what they are built on and what they need', () => {
  const found = plan(source, { buildPlatform: parsePlatform('linux/arm64') });
  expect(found.stages.map(({ label, base, needs }) => [label, base, needs])).toEqual([
    ['tools', { kind: 'image', name: 'base:1' }, []],
    ['unused', { kind: 'stage', index: 0 }, [0]],
    ['files', { kind: 'scratch' }, []],
    ['made', { kind: 'stage', index: 0 }, [0, 2]],
    ['stage-4', { kind: 'scratch' }, [2, 3]],
  ]);
  expect(found.stages[0]?.platform).toMatchObject({ architecture: 'arm64' });
  expect([found.target, found.needed, found.unused]).toEqual([4, [0, 2, 3, 4], [1]]);
  expect(found.stages[3]?.steps[0]?.sources).toEqual([
    { kind: 'stage', index: 2 },
    { kind: 'image', name: 'example.com/x' },
    undefined,
  ]);
  expect(found.stages[4]?.steps[2]?.sources).toEqual([{ kind: 'image', name: 'busybox' }]);
});

test('a target is chosen by its name in any case, and one that is not there is refused', () => {
  expect(plan(source, { target: 'FILES' })).toMatchObject({ target: 2, needed: [2], unused: [0, 1, 3, 4] });
  expect(() => plan(source, { target: 'file' })).toThrow(
    'target stage "file" could not be found (did you mean files?)',
  );
});

test('arguments of the build come before defaults, and reach a stage that declares them', () => {
  const text =
    'ARG TAG=1\nFROM base:$TAG AS last\nARG TAG OTHER=$TAG-x TARGETARCH\nLABEL r=$TAG,$OTHER,$TARGETARCH,$HTTP_PROXY';
  const results = [
    new Map(),
    new Map([['TAG', '2']]),
    new Map([
      ['OTHER', 'o'],
      ['TARGETARCH', 'mine'],
    ]),
  ].map((buildArguments) => {
    const found = plan(text, { buildArguments });
    const stage = evaluatePlan(found, false, { platform, buildPlatform: platform }).get(0);
    return [found.stages[0]?.base, stage?.config.labels.get('r'), stage?.argumentNames];
  });
  const names = ['TAG', 'OTHER', 'TARGETARCH'];
  expect(results).toEqual([
    [{ kind: 'image', name: 'base:1' }, '1,1-x,amd64,', names],
    [{ kind: 'image', name: 'base:2' }, '2,2-x,amd64,', names],
    [{ kind: 'image', name: 'base:1' }, '1,o,mine,', names],
  ]);
});

test('what a base has its children do comes first, and may need further stages', () => {
  const text = 'FROM scratch AS files\nFROM base AS a\nONBUILD RUN own\nFROM a\nRUN last\n';
  const first = plan(text);
  expect(first.needed).toEqual([1, 2]);
  const found = plan(text, { triggers: new Map([[1, ['COPY --from=files x /x', 'ENV A=1']]]) });
  expect(found.needed).toEqual([0, 1, 2]);
  const steps = found.stages.map((stage) =>
    stage.steps.map(({ instruction: { type, node }, isTrigger }) => [type, isTrigger, node.lines.first]),
  );
  expect(steps).toEqual([
    [],
    [
      ['COPY', true, 2],
      ['ENV', true, 2],
      ['ONBUILD', false, 3],
    ],
    [
      ['RUN', true, 4],
      ['RUN', false, 5],
    ],
  ]);
  const { config } = evaluatePlan(found, false, { platform, buildPlatform: platform }).get(2) ?? {};
  expect([config?.environment.get('A'), config?.triggers]).toEqual(['1', []]);
  expect(() => plan(text, { triggers: new Map([[1, ['RUN a\nRUN b']]]) })).toThrow('single expression');
});

test('steps see the variables and settings of their own time', () => {
  const text =
    'FROM scratch AS a\nENV A=1\nRUN x\nENV A=2 B=$A\nARG C=3\nUSER u\nWORKDIR /w\nSHELL ["sh"]\nRUN y\nFROM a\nENV A=4\nRUN z\nCOPY $A /$C\n';
  const stages = evaluatePlan(plan(text), false, { platform, buildPlatform: platform });
  const steps = [...stages.values()].flatMap((stage) => stage.steps);
  const runs = steps.flatMap(({ instruction, variables, settings, argumentCount }) =>
    instruction.type === 'RUN'
      ? [[['A', 'B', 'C'].map((name) => variables.get(name)), settings, argumentCount, [...variables.keys()]]]
      : [],
  );
  const later = { user: 'u', workingDirectory: '/w', shell: ['sh'] };
  expect(runs).toEqual([
    [['1', undefined, undefined], { user: '', workingDirectory: '/' }, 0, ['PATH', 'A']],
    [['2', '1', '3'], later, 1, ['PATH', 'A', 'B', 'C']],
    [['4', '1', '3'], later, 1, ['PATH', 'A', 'B', 'C']],
  ]);
  expect(steps.at(-1)?.instruction).toMatchObject({ sources: ['4'], destination: '/3' });
});

test('mounts of a step are parsed with its variables', () => {
  const text =
    'FROM scratch\nARG ID=npm\nRUN --mount=type=cache,id=$ID,target=/c,sharing=locked,uid=5,mode=0750 --mount=type=secret,id=k,env=K,required --mount=type=tmpfs,dst=/t,size=1m --mount=src=/s,target=rel,rw x';
  const [, run] = evaluatePlan(plan(text), false, { platform, buildPlatform: platform }).get(0)?.steps ?? [];
  expect(run?.instruction.type === 'RUN' && run.instruction.mounts).toMatchObject([
    { type: 'cache', id: 'npm', target: '/c', sharing: 'locked', uid: 5, mode: 0o750, readOnly: false },
    { type: 'secret', id: 'k', env: 'K', required: true, readOnly: true },
    { type: 'tmpfs', target: '/t', sizeBytes: 1 << 20, readOnly: false },
    { type: 'bind', source: '/s', target: 'rel', readOnly: false },
  ]);
});

test('what many stages and steps carry along is bounded', () => {
  const stages = Array.from({ length: 3000 }, (_, index) => `FROM s${index} AS s${index + 1}\nENV A${index}=1\n`);
  const chain = plan(`FROM scratch AS s0\n${stages.join('')}`);
  const variables = Array.from({ length: 3000 }, (_, index) => `ENV A${index}=1\n`).join('');
  const runs = plan(`FROM scratch\n${variables}${'RUN x\n'.repeat(3000)}`);
  for (const found of [chain, runs]) {
    expect(() => evaluatePlan(found, false, { platform, buildPlatform: platform })).toThrow('is too large');
  }
});
