/**
 * Starts a process of ours that is spoken to by its input and output, and does not keep the engine from ending.
 * `collectedBytes` is what its collector takes for the machine's memory.
 */
export function spawnWorker(
  command: readonly string[],
  collectedBytes: number,
): Bun.Subprocess<'pipe', 'pipe', 'inherit'> {
  const worker = Bun.spawn([...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: '/',
    env: { ...process.env, BUN_JSC_forceRAMSize: String(collectedBytes) },
  });
  worker.unref();
  return worker;
}
