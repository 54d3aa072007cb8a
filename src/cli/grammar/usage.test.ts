import { expect, test } from 'bun:test';
import { list, text, toggle } from './flag.ts';
import { nearest } from './nearest.ts';
import { commandHelp, nameLines } from './usage.ts';

test('help shows options sorted, in columns, wrapped at 80', () => {
  const help = commandHelp({
    program: 'docker',
    path: 'estiba x',
    usage: '[OPTIONS] NAME',
    summary: 'Does x',
    aliases: ['estiba group x', 'estiba x'],
    flags: {
      zeta: toggle('Last'),
      env: list('Sets a variable, and says so in so many words that they do not fit into one line of it', {
        short: 'e',
      }),
      pull: text('When', { shownDefault: '"missing"' }),
      secret: text('Not shown', { hidden: true }),
    },
  });
  expect(help).toBe(`Usage:  estiba x [OPTIONS] NAME

Does x

Aliases:
  estiba group x, estiba x

Options:
  -e, --env list      Sets a variable, and says so in so many words that they do
                      not fit into one line of it
      --pull string   When (default "missing")
      --zeta          Last
`);
});

test('names stand in a column of eleven at least', () => {
  expect(nameLines([['a', 'b']])).toEqual(['  a           b']);
});

test('the nearest name is one of few slips', () => {
  const names = ['container', 'create', 'ps', 'rm'];
  expect(nearest('contaner', names)).toBe('container');
  expect(nearest('craete', names)).toBe('create');
  expect(nearest('sp', names)).toBe('ps');
  expect(nearest('xyzzy', names)).toBeUndefined();
});
