import { expect, test } from 'bun:test';
import {
  type CheckResult,
  checkDockerfile,
  DockerfileError,
  type Instruction,
  parseDockerfile,
  type Range,
  requireBuiltInSyntax,
} from './index.ts';

const print = ({ start, end }: Range): string => `${start.line}:${start.column}-${end.line}:${end.column}`;

function only(source: string): Instruction {
  const [instruction] = parseDockerfile(`FROM busybox\n${source}`).stages[0]?.instructions ?? [];
  if (instruction === undefined) throw new TypeError('no instruction');
  return instruction;
}

test('nodes, flags and words say where they stand', () => {
  const { node } = only('\n# a comment\n  COPY --from=a \\\n# between\n   --chown=1 one \\\r\n  two  /to');
  expect(print(node.range)).toBe('4:3-7:11');
  expect(node.lines).toEqual({ first: 4, last: 7 });
  expect(node.flags.map((flag) => [flag.text, print(node.rangeOf(flag))])).toEqual([
    ['--from=a', '4:8-4:16'],
    ['--chown=1', '6:4-6:13'],
  ]);
  expect(node.words.map((word) => [word.text, print(node.rangeOf(word))])).toEqual([
    ['one', '6:14-6:17'],
    ['two', '7:3-7:6'],
    ['/to', '7:8-7:11'],
  ]);
});

test('pairs, JSON and what an ONBUILD holds say where they stand too', () => {
  const env = only('ENV a="b c" d=e').node;
  expect(env.pairs.map(({ key, value }) => [print(env.rangeOf(key)), print(env.rangeOf(value))])).toEqual([
    ['2:5-2:6', '2:7-2:12'],
    ['2:13-2:14', '2:15-2:16'],
  ]);
  const json = only('CMD [ "a", "b c"]').node;
  expect(json.words.map((word) => [word.text, print(json.rangeOf(word))])).toEqual([
    ['a', '2:7-2:10'],
    ['b c', '2:12-2:17'],
  ]);
  const { trigger } = only('ONBUILD RUN --network=none x').node;
  expect(trigger && [print(trigger.range), ...trigger.flags.map((flag) => print(trigger.rangeOf(flag)))]).toEqual([
    '2:9-2:29',
    '2:13-2:27',
  ]);
});

test('a byte order mark and ends of lines of another system are not seen', () => {
  const { stages } = parseDockerfile('\ufeffFROM busybox\r\nRUN a \\\r\n  b\r\nRUN <<EOF\r\nx\r\nEOF\r\n');
  const commands = stages[0]?.instructions.map((one) => (one.type === 'RUN' ? one.command : undefined));
  expect(commands?.[0]?.words).toEqual(['a   b']);
  expect(commands?.[1]?.heredocs.map(({ name, content }) => [name, content])).toEqual([['EOF', 'x\r\n']]);
});

test('here-documents are read to their ends, with tabs cut where that is asked for', () => {
  const run = only('RUN <<A cat <<-"B"\n1\nA\n\t\t2 $x\n\tB\n');
  expect(run.type === 'RUN' && run.command.heredocs).toEqual([
    { name: 'A', expands: true, chomps: false, fileDescriptor: 0, content: '1\n' },
    { name: 'B', expands: false, chomps: true, fileDescriptor: 0, content: '\t\t2 $x\n' },
  ]);
  const copy = only("COPY <<-one <<'two' /to/\n\ta\n\tone\n\tb\ntwo\n");
  expect(copy.type === 'COPY' && [copy.sources, copy.files, copy.destination]).toEqual([
    [],
    [
      { name: 'one', content: 'a\n', expands: true },
      { name: 'two', content: '\tb\n', expands: false },
    ],
    '/to/',
  ]);
});

test('every flag of COPY, ADD and RUN is read', () => {
  const copy = only('COPY --from=a --chown=1:2 --chmod=u+x --link --parents --exclude=*.o --exclude=x s /d');
  const transfer = { from: 'a', chown: '1:2', chmod: 'u+x', link: true, parents: true, excludes: ['*.o', 'x'] };
  expect(copy).toMatchObject({ type: 'COPY', ...transfer, sources: ['s'], destination: '/d' });
  const add = only('ADD --checksum=sha256:ab --keep-git-dir=true --unpack=false --link=false https://x/a.git /d');
  expect(add).toMatchObject({ checksum: 'sha256:ab', keepGitDirectory: true, unpack: false, link: false });
  const run = only(
    'RUN --mount=type=cache,from=b,target=/x --network=host --security=insecure --device=v.com/c=one,required make',
  );
  expect(run).toMatchObject({
    mountTexts: ['type=cache,from=b,target=/x'],
    network: 'host',
    security: 'insecure',
    devices: [{ name: 'v.com/c=one', required: true }],
    command: { words: ['make'], isShell: true },
  });
});

test('frontends that are built in are accepted, others refused by name', () => {
  const syntaxOf = (line: string): string | undefined =>
    parseDockerfile(`${line}\nFROM scratch`).syntax.directives.syntax;
  const accepted = [
    'docker/dockerfile:1',
    'docker/dockerfile:1.7-labs',
    'docker.io/docker/dockerfile:1.20.0',
    'docker/dockerfile-upstream:master',
    'docker/dockerfile',
  ];
  for (const name of accepted) {
    expect(syntaxOf(`#syntax = ${name} `)).toBe(name);
    expect(() => requireBuiltInSyntax(name)).not.toThrow();
  }
  expect(() => requireBuiltInSyntax(undefined)).not.toThrow();
  for (const name of ['example.com/frontend:2', 'docker/dockerfile:2', 'docker/dockerfiles:1']) {
    expect(() => requireBuiltInSyntax(name)).toThrow(`frontend image "${name}" is not supported`);
  }
});

test('wrong directives are reported on their own line', () => {
  const linesOf = (source: string): unknown => {
    try {
      return parseDockerfile(source);
    } catch (error) {
      return error instanceof DockerfileError && [error.message, error.lines];
    }
  };
  expect(linesOf('# escape=x\nFROM scratch')).toEqual([
    "invalid escape token 'x' does not match ` or \\",
    [{ first: 1, last: 1 }],
  ]);
  const twice = ['only one escape parser directive can be used', [{ first: 2, last: 2 }]];
  expect(linesOf('# escape=`\n# escape=\\\nFROM scratch')).toEqual(twice);
});

/** Numbers that look random and are the same every time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const keywords =
  'FROM RUN COPY ADD ENV ARG LABEL CMD ENTRYPOINT EXPOSE USER VOLUME WORKDIR SHELL STOPSIGNAL HEALTHCHECK ONBUILD MAINTAINER';
const words =
  'busybox scratch AS a b 0 --from=a --mount=type=cache,target=/x --chmod=7 --platform=linux NONE 80:1/tcp = a=b a="b \'c [ ] ["a"] {" # \\ ` , ; / * é 🙂 \0';
const variables = ['a', '{a', '{a:-b}', '{a##*}', '{a%\\*}', '{a//b/c}', '{a?b}', '@'].map((rest) => `$${rest}`);
const ends = [' ', ' ', ' ', '\n', '\n', '\n', '\t', '\r\n', '\\\n', '# escape=`\n'];
const crumbs = [...keywords.split(' '), ...words.split(' '), ...variables, ...ends, '}', '<<EOF', 'EOF', '<<-"X"'];

test('whatever a Dockerfile holds, it is parsed or refused', () => {
  const next = numbers(7);
  for (let round = 0; round < 2000; round++) {
    const length = next(40);
    const body = Array.from({ length }, () => `${crumbs[next(crumbs.length)]}${next(2) === 0 ? ' ' : ''}`).join('');
    const source = next(2) === 0 ? body : `FROM busybox AS a\n${body}`;
    const { error, checked } = checkDockerfileOn(source);
    expect([source, error instanceof DockerfileError || checked !== undefined]).toEqual([source, true]);
    expect(error?.message).not.toBe('');
    const count = source.split('\n').length;
    for (const { first, last } of error?.lines ?? [])
      expect([source, first >= 1 && last >= first && last <= count]).toEqual([source, true]);
  }
}, 60_000);

test('files that would take all memory are refused', () => {
  const errorOf = (source: string): string | undefined => checkDockerfileOn(source).error?.message;
  expect(errorOf(`FROM scratch\nENV v=x\n${'ENV v=$v$v$v$v$v$v$v$v\n'.repeat(20)}`)).toContain(
    'the result is too long',
  );
  expect(errorOf(`FROM scratch\nENV v=${'${a:-'.repeat(9000)}`)).toContain('nested too deeply');
  expect(errorOf(`FROM scratch\nRUN ${'x'.repeat(70_000)}`)).toBe(
    'dockerfile line greater than max allowed size of 65535',
  );
  expect(errorOf(`FROM scratch\n${'EXPOSE 1-65535\n'.repeat(300)}`)).toContain('is too large');
  expect(errorOf(`FROM scratch AS a\n${'ONBUILD RUN x\n'.repeat(200)}${'FROM a\n'.repeat(60)}`)).toBe(
    'too many ONBUILD triggers',
  );
  expect(errorOf(`FROM scratch\nCMD ${'['.repeat(60_000)}`)).toBeUndefined();
}, 60_000);

function checkDockerfileOn(source: string): CheckResult {
  const platform = { os: 'linux', architecture: 'amd64' };
  return checkDockerfile(source, { platform, buildPlatform: platform });
}
