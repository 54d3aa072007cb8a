import { afterAll, beforeAll, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { estibaCommand, run, startEngine, type TestEngine } from '../harness/index.ts';

let engine: TestEngine;
let script = '';
beforeAll(async () => {
  engine = await startEngine();
  const completion = await engine.estiba('completion', 'bash');
  // As bash has it when somebody has typed a line: the words, cut at = and :, and the line itself.
  script = `${completion.stdout}
estiba() { ${estibaCommand().join(' ')} "$@"; }
COMP_LINE=$1 COMP_POINT=\${#1}
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
__estiba_complete
printf '%s\\n' "\${COMPREPLY[@]}"
`;
  await Promise.all([
    engine.dockerOk('run', '-d', '--name', 'runs', '--init', 'busybox', 'sleep', '1000'),
    engine.dockerOk('create', '--name', 'rests', 'busybox'),
    engine.dockerOk('volume', 'create', 'site'),
    engine.dockerOk('tag', 'busybox', 'shelf:5000/box:1'),
  ]);
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** What bash offers at the end of a line; the list is what bash makes of its words. */
async function offered(line: string, words: readonly string[], environment: Record<string, string> = {}) {
  const { code, stdout, stderr } = await run(['bash', '-c', script, 'bash', line, ...words], {
    environment: { DOCKER_HOST: engine.host, DOCKER_CONFIG: join(engine.root, 'c'), ...environment },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.split('\n').filter((text) => text !== '');
}

const at = (line: string, environment?: Record<string, string>): Promise<string[]> =>
  offered(
    line,
    line
      .split(/([=:])| /)
      .filter((part, index, all) => part !== undefined && (part !== '' || index === all.length - 1)),
    environment,
  );

test('bash completes commands, flags and values', async () => {
  const [commands, flags, policies, afterEquals, grouped] = await Promise.all([
    at('estiba vo'),
    at('estiba run --rest'),
    at('estiba run --restart un'),
    at('estiba run --restart=o'),
    at('estiba container unp'),
  ]);
  expect(commands).toEqual(['volume']);
  expect(flags).toEqual(['--restart']);
  expect(policies).toEqual(['unless-stopped']);
  // Bash has cut the word, and puts what it is given behind the cut.
  expect(afterEquals).toEqual(['on-failure']);
  expect(grouped).toEqual(['unpause']);
});

test('bash completes names that the engine knows', async () => {
  const [all, running, paths, images, volumes, modes, filters] = await Promise.all([
    at('estiba diff r'),
    at('estiba top r'),
    at('estiba cp ru'),
    at('estiba save shelf:5000/b'),
    at('estiba volume update '),
    at('estiba run --network container:re'),
    at('estiba ps --filter stat'),
  ]);
  expect(all.sort()).toEqual(['rests', 'runs']);
  expect(running).toEqual(['runs']);
  expect(paths).toEqual(['runs:']);
  expect(images).toEqual(['5000/box:1']);
  expect(volumes).toEqual(['site']);
  expect(modes).toEqual(['rests']);
  expect(filters).toEqual(['status=']);
});

test('the engine is the one that the line names, and none is no trouble', async () => {
  const nowhere = { DOCKER_HOST: `unix://${engine.root}/nowhere` };
  const [none, named] = await Promise.all([
    at('estiba diff r', nowhere),
    at(`estiba -H ${engine.host} diff re`, nowhere),
  ]);
  expect(none).toEqual([]);
  expect(named).toEqual(['rests']);
});

test('nothing of the line is evaluated', async () => {
  const mark = join(engine.root, 'mark');
  writeFileSync(mark, 'here');
  const line = `estiba rm "$(rm ${mark})`;
  expect(await offered(line, ['estiba', 'rm', `"$(rm ${mark})`])).toEqual([]);
  expect(await Bun.file(mark).exists()).toBe(true);
});

test('every shell has its script, and another is refused by name', async () => {
  const [zsh, fish, powershell] = await Promise.all(
    ['zsh', 'fish', 'powershell'].map((shell) => engine.estiba('completion', shell)),
  );
  expect(zsh?.stdout).toStartWith('#compdef estiba\n');
  expect(fish?.stdout).toContain("complete -c estiba -f -a '(__estiba_complete)'\n");
  expect(powershell).toMatchObject({ code: 1, stdout: '' });
  expect(powershell?.stderr).toContain('no completion for powershell');
});
