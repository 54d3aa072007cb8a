import type { Containers, OpenedContainers } from '#containers';
import { log } from '#std/log';

/** What Docker adds to the longest patience of a container. */
const graceSeconds = 5;

async function runningOnes(containers: Containers): Promise<string[]> {
  const filters = new Map([['status', ['running', 'paused', 'restarting']]]);
  return (await containers.list({ all: true, limit: 0, size: false, filters })).map(({ Id }) => Id);
}

/** How long the stop of all may take: as set, or as long as the most patient container asks for; undefined for ever. */
async function patienceSeconds(containers: Containers, set: number): Promise<number | undefined> {
  if (set < 0) return undefined;
  let longest = set;
  for (const id of await runningOnes(containers)) {
    const timeout = (await containers.inspect(id, { size: false })).Config.StopTimeout ?? 0;
    if (timeout < 0) return undefined;
    if (timeout > longest - graceSeconds) longest = timeout + graceSeconds;
  }
  return longest;
}

/** Stops every container, each with its own signal and patience, and kills those that still run after `timeoutSeconds`. */
export async function stopAllInTime(opened: OpenedContainers, timeoutSeconds: number): Promise<void> {
  const { containers } = opened;
  const seconds = await patienceSeconds(containers, timeoutSeconds);
  const stopping = opened.stopAll();
  if (seconds === undefined) return stopping;
  const timer = setTimeout(() => {
    void runningOnes(containers).then((ids) => {
      for (const id of ids) {
        log('warn', 'container did not stop in time, killed', { id, seconds });
        containers.kill(id, 'KILL').catch(() => undefined);
      }
    });
  }, seconds * 1000);
  try {
    await stopping;
  } finally {
    clearTimeout(timer);
  }
}
