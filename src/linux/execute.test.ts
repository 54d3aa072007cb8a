import { expect, test } from 'bun:test';
import { join } from 'node:path';

/** Runs a program that replaces itself by a shell with that script; resolves with what the shell said. */
async function replacedBy(script: string): Promise<string> {
  const source = `
    import { replaceProgram } from ${JSON.stringify(join(import.meta.dir, 'execute.ts'))};
    process.on('SIGIO', () => {});
    replaceProgram('/bin/sh', ['sh', '-c', ${JSON.stringify(script)}], { ...process.env, GIVEN: 'a b' });`;
  const child = Bun.spawn([process.execPath, '-e', source], { stdout: 'pipe', stderr: 'inherit' });
  const text = await child.stdout.text();
  await child.exited;
  return `${text.trim()} ${child.exitCode ?? child.signalCode}`;
}

test('the next program has the arguments and the environment that it is given', async () => {
  expect(await replacedBy('echo "$GIVEN"')).toBe('a b 0');
});

test('a descriptor that becomes ready on the way does not end the next program', async () => {
  expect(await replacedBy('kill -s IO $$; echo alive')).toBe('alive 0');
});

test('a program that is not there: told, and this one goes on', async () => {
  const { replaceProgram } = await import('./execute.ts');
  expect(() => replaceProgram('/nonexistent/program', ['x'], {})).toThrow('ENOENT');
});
