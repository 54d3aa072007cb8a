import { expect, test } from 'bun:test';
import { mayHoldItsMemory, readProcessFacts } from './process-facts.ts';

/** vfork(2) by its number on x86-64: the parent waits in the kernel for the child, as one waits for a disk. */
const forks = 'if (syscall(58) == 0) { sleep 1000 }';

async function withProcess(command: readonly string[], body: (pid: number) => Promise<void>): Promise<void> {
  // The leader of a group, so that its children end with it.
  const child = Bun.spawn([...command], { stdio: ['ignore', 'ignore', 'ignore'], detached: true });
  try {
    await body(child.pid);
  } finally {
    process.kill(-child.pid, 'SIGKILL');
    await child.exited;
  }
  expect(mayHoldItsMemory(child.pid)).toBe(false);
}

test('one that sleeps may be asked for its command line', async () => {
  await withProcess(['sleep', '1000'], async (pid) => {
    expect(readProcessFacts(pid)?.pid).toBe(pid);
  });
});

test.if(process.arch === 'x64')('one that waits in the kernel may hold up who asks', async () => {
  await withProcess(['perl', '-e', forks], async (pid) => {
    for (let looks = 0; !mayHoldItsMemory(pid) && looks < 4000; looks++) await Bun.sleep(5);
    expect(mayHoldItsMemory(pid)).toBe(true);
  });
});
