import { describe, expect, test } from 'bun:test';
import { integer, list, text, toggle } from './flag.ts';
import { FlagError, parseFlags } from './parse-flags.ts';

const table = {
  detach: toggle('', { short: 'd' }),
  interactive: toggle('', { short: 'i' }),
  tty: toggle('', { short: 't' }),
  'sig-proxy': toggle('', { initial: true }),
  env: list('', { short: 'e' }),
  publish: list('', { short: 'p' }),
  name: text(''),
  hostname: text('', { short: 'h' }),
  'stop-timeout': integer(''),
};

const parse = (line: string, interspersed = false) => parseFlags(table, line.split(' '), { interspersed });

describe('flags', () => {
  test('stand in all of their forms', () => {
    const { values, args, given } = parse('-it --name web -e A=1 -eB=2 --env=C=3 -p=80:80 --stop-timeout 5 busybox sh');
    expect(values.interactive && values.tty).toBe(true);
    expect(values.detach).toBe(false);
    expect(values.name).toBe('web');
    expect(values.env).toEqual(['A=1', 'B=2', 'C=3']);
    expect(values.publish).toEqual(['80:80']);
    expect(values['stop-timeout']).toBe(5);
    expect(args).toEqual(['busybox', 'sh']);
    expect(given.has('name')).toBe(true);
    expect(given.has('detach')).toBe(false);
  });

  test('in a cluster the last may take a value', () => {
    expect(parse('-itp 80:80 busybox').values.publish).toEqual(['80:80']);
    expect(parse('-itp80:80 busybox').values.publish).toEqual(['80:80']);
  });

  test('end at the first argument when what follows is a command', () => {
    expect(parse('busybox ls -la --name x').args).toEqual(['busybox', 'ls', '-la', '--name', 'x']);
    expect(parse('a --name x b', true)).toMatchObject({ args: ['a', 'b'], values: { name: 'x' } });
  });

  test('end at a double dash', () => {
    expect(parse('-d -- -x --name', true).args).toEqual(['-x', '--name']);
  });

  test('a lone dash is an argument', () => {
    expect(parse('- x', true).args).toEqual(['-', 'x']);
  });

  test('switches take a value after an equals sign alone', () => {
    expect(parse('--sig-proxy=false -d=0 x').values).toMatchObject({ 'sig-proxy': false, detach: false });
    expect(parse('--detach false').args).toEqual(['false']);
  });

  test('-h is help unless the table has another meaning for it', () => {
    expect(parse('-h web x').values.hostname).toBe('web');
    expect(parseFlags({}, ['-h'], { interspersed: true }).help).toBe(true);
    expect(parse('--help').help).toBe(true);
  });

  test.each([
    ['--foo', 'unknown flag: --foo'],
    ['-z', "unknown shorthand flag: 'z' in -z"],
    ['-iz', "unknown shorthand flag: 'z' in -iz"],
    ['--name', 'flag needs an argument: --name'],
    ['-e', "flag needs an argument: 'e' in -e"],
    ['--=x', 'bad flag syntax: --=x'],
    [
      '--stop-timeout x',
      'invalid argument "x" for "--stop-timeout" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ],
    [
      '-d=maybe',
      'invalid argument "maybe" for "-d, --detach" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
  ])('%s is refused', (line, message) => {
    expect(() => parse(line)).toThrow(new FlagError(message));
  });

  test('a slip is answered with the flag that was meant', () => {
    try {
      parse('--nmae x');
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ suggestion: '--name' });
    }
  });

  test('a table has no flags but its own', () => {
    expect(() => parse('--constructor x')).toThrow('unknown flag: --constructor');
  });
});
