import { expect, test } from 'bun:test';
import { usageForms } from './grammar/usage-forms.ts';
import { entryHelp, groupHelp, programHelp, unknownCommandText } from './help.ts';
import { catalogue } from './table/index.ts';

const { entries, groups } = catalogue;

test('every command has help with its usage, its summary and each of its flags', async () => {
  for (const entry of entries) {
    const command = await entry.load?.();
    if (!command) continue;
    const path = `estiba ${entry.group} ${entry.name}`.replace('  ', ' ');
    const help = entryHelp('estiba', entry, command, path);
    expect(help).toStartWith(`Usage:  ${usageForms(path, command.usage)}\n\n${entry.summary}\n`);
    for (const [name, flag] of Object.entries(command.flags)) {
      if (flag.hidden !== true) expect(help).toContain(`--${name}`);
    }
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  }
});

test('no two flags of a command share a letter', async () => {
  for (const entry of entries) {
    const command = await entry.load?.();
    const letters = Object.values(command?.flags ?? {}).flatMap((flag) => flag.short ?? []);
    expect(new Set(letters).size).toBe(letters.length);
  }
});

test('names outside groups are unique, and no group is called like a command', () => {
  const flat = entries.flatMap((entry) => entry.flat ?? []);
  expect(new Set(flat).size).toBe(flat.length);
  expect(flat.filter((name) => Object.hasOwn(groups, name))).toEqual([]);
});

test('help shows the commands that are there', () => {
  const help = programHelp('estiba', catalogue);
  expect(help).toContain('\n  run         Create a container from an image and start it\n');
  expect(help).not.toContain('\n  compose ');
  expect(groupHelp('docker', catalogue, 'volume')).toContain('Usage:  docker volume COMMAND\n');
});

test('an unknown command is answered with the nearest', () => {
  expect(unknownCommandText('docker', catalogue, 'docker foo')).toBe(
    "docker: unknown command: docker foo\n\nRun 'docker --help' for more information",
  );
  expect(unknownCommandText('estiba', catalogue, 'estiba volume crate', 'volume')).toContain(
    "Did you mean 'estiba volume create'?",
  );
});
