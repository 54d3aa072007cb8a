import { describe, expect, test } from 'bun:test';
import { catalogue } from '../table/index.ts';
import { scripts } from './scripts.ts';
import { globalWords, wantedAt } from './wanted.ts';

/** What is wanted at the end of a line; the word to complete follows its last space. */
const at = (line: string) => wantedAt(catalogue, line.split(' '));

async function textsAt(line: string): Promise<string[]> {
  const wanted = await at(line);
  if (!('candidates' in wanted)) throw new Error(`values are wanted at "${line}"`);
  return wanted.candidates.map(({ text }) => text);
}

describe('the word that is completed', () => {
  test('is a command, or a group of them', async () => {
    const names = await textsAt('');
    expect(names).toContain('ps');
    expect(names).toContain('container');
    expect(names).toContain('help');
    expect(names.filter((name) => name.startsWith('__') || name === 'swarm')).toEqual([]);
    expect(await textsAt('-H unix:///s --debug ')).toEqual(names);
    expect(await textsAt('help volume ')).toContain('inspect');
    expect(await textsAt('volume ')).toContain('create');
    expect(await textsAt('nosuch ')).toEqual([]);
  });

  test('is a flag, long or short, of the command alone', async () => {
    const flags = await textsAt('container ls -');
    expect(flags).toContain('--no-trunc');
    expect(flags).toContain('-a');
    expect(await textsAt('ps --')).not.toContain('-a');
    expect(await textsAt('--')).toContain('--tlsverify');
    const run = await textsAt('run --');
    expect(run).toContain('--sig-proxy');
    // Hidden, for old scripts.
    expect(run).not.toContain('--net');
    expect(await textsAt('rm web -')).toContain('--force');
  });

  test.each([
    ['ps --format ', ['json', 'table'], '', ''],
    ['ps --format=j', ['json', 'table'], 'j', '--format='],
    ['run --restart ', ['no', 'on-failure', 'always', 'unless-stopped'], '', ''],
    ['run -itw /srv --network b', 'network-mode', 'b', ''],
    ['run --rm=', ['true', 'false'], '', '--rm='],
    ['run -d -v ', 'volume-source', '', ''],
    ['-l i', ['debug', 'info', 'warn', 'error', 'fatal'], 'i', ''],
    ['network connect a ', 'container', '', ''],
    ['network connect a b', 'container', 'b', ''],
    ['cp web:/', 'container-path', 'web:/', ''],
    ['container top -- ', 'running-container', '', ''],
    ['stop -s ', 'signal', '', ''],
    ['exec --env-file ', 'file', '', ''],
    ['volume create -d l', 'volume-driver', 'l', ''],
    ['completion ', ['bash', 'fish', 'zsh'], '', ''],
  ] as const)('%p is a value', async (line, values, typed, prefix) => {
    expect(await at(line)).toEqual({ values, typed, prefix });
  });

  test('of a filter is one that the engine takes', async () => {
    const wanted = await at('ps -f ');
    expect(wanted).toMatchObject({ values: { pairs: { health: expect.anything(), ancestor: 'image' } } });
  });

  test('is nothing where the container has the say, or no argument more', async () => {
    expect(await at('exec web ls --c')).toEqual({ values: 'none', typed: '--c', prefix: '' });
    expect(await textsAt('export web ')).toEqual([]);
  });
});

test('the words before the command tell the engine', () => {
  expect(globalWords(['-H', 'unix:///s', '--context=c', 'ps', '-a'])).toEqual(['-H', 'unix:///s', '--context=c']);
});

test('each script asks the hidden command and knows no command of its own', () => {
  for (const script of Object.values(scripts)) {
    expect(script).toContain(' __complete ');
    expect(script).not.toMatch(/\b(?:unpause|--no-trunc)\b/);
  }
});
