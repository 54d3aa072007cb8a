import { expect, test } from 'bun:test';
import { StepOutput } from './step-output.ts';

const never = new Promise<boolean>(() => undefined);

function collected(failsToStart: Promise<boolean>) {
  const said: string[] = [];
  const take = (stream: 1 | 2, data: Uint8Array): void => void said.push(`${stream} ${Buffer.from(data)}`);
  return { said, output: new StepOutput(take, () => failsToStart) };
}

test('the first words on standard error are told once the process has spoken, before what it says then', async () => {
  const { said, output } = collected(never);
  const first = output.stderr(Buffer.from('one'));
  await output.stdout(Buffer.from('two'));
  await first;
  await output.stderr(Buffer.from('three'));
  expect(said).toEqual(['2 one', '1 two', '2 three']);
});

test('of a process that says nothing more they are told too', async () => {
  const { said, output } = collected(never);
  await output.stderr(Buffer.from('alone'));
  expect(said).toEqual(['2 alone']);
});

test('those of a runtime that cannot start a process are not its', async () => {
  const { said, output } = collected(Promise.resolve(true));
  await output.stderr(Buffer.from('executable file `x` not found in $PATH'));
  expect(said).toEqual([]);
});

test('what crun says of a program that the kernel refuses is told in runc’s words', async () => {
  const { said, output } = collected(never);
  await output.stderr(Buffer.from('{"msg":"exec container process `/x`: Exec format error","level":"error"}\n'));
  expect(said).toEqual(['2 exec /x: exec format error\n']);
});
