import type { ContainerRecord } from '../record.ts';

/** Names or ids of the containers without which another cannot start: links, joined namespaces, volumes-from. */
function needsOf({ hostConfig }: ContainerRecord): string[] {
  const { NetworkMode, PidMode, IpcMode, Links, VolumesFrom } = hostConfig;
  const joined = [NetworkMode, PidMode, IpcMode]
    .filter((mode) => mode.startsWith('container:'))
    .map((mode) => mode.slice('container:'.length));
  const linked = [...(Links ?? []), ...(VolumesFrom ?? [])].map((entry) => entry.split(':', 1)[0] ?? '');
  return [...joined, ...linked].map((name) => name.replace(/^\//, ''));
}

/**
 * Runs `step` for each record once it has ended, well or not, for all those of the others that the record needs. What
 * waits for each other in a circle is not held up by it.
 */
export async function inOrder(
  records: readonly ContainerRecord[],
  step: (record: ContainerRecord) => Promise<void>,
): Promise<void> {
  const byName = new Map(records.flatMap((record) => [record.id, record.name].map((name) => [name, record] as const)));
  const begun = new Map<string, Promise<void>>();
  const run = (record: ContainerRecord, above: ReadonlySet<string>): Promise<void> => {
    const present = begun.get(record.id);
    if (present !== undefined) return present;
    const path = new Set(above).add(record.id);
    const needed = needsOf(record)
      .flatMap((name) => byName.get(name) ?? [])
      .filter(({ id }) => !path.has(id));
    const done = Promise.allSettled(needed.map((other) => run(other, path))).then(() => step(record));
    begun.set(record.id, done);
    return done;
  };
  await Promise.all(records.map((record) => run(record, new Set())));
}
