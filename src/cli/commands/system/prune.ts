import type { Filters, PruneReport } from '#api';
import { type EngineClient, pruneBuildCache, pruneContainers, pruneImages, pruneNetworks, pruneVolumes } from '#client';
import { EstibaError } from '#std/errors';
import { defineCommand } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { confirm } from '../../streams/confirm.ts';
import { writeOut } from '../../streams/text-output.ts';
import { filterFlag, toFilters } from '../../values/filters.ts';
import { deletedImages, deletedText, reclaimedText } from '../prune-report.ts';

function warning(options: { all: boolean; volumes: boolean; filters: readonly string[] }): string {
  const lines = ['all stopped containers', 'all networks not used by at least one container'];
  if (options.volumes) lines.push('all anonymous volumes not used by at least one container');
  lines.push(options.all ? 'all images without at least one container associated to them' : 'all dangling images');
  lines.push(options.all ? 'all build cache' : 'unused build cache');
  const shown = `This will remove:\n${lines.map((line) => `  - ${line}\n`).join('')}`;
  if (options.filters.length === 0) return shown;
  const filters = options.filters.map((filter) => `  - ${filter}\n`).join('');
  return `${shown}\n  Items to be pruned will be filtered with:\n${filters}`;
}

/** An engine that has nothing of a kind has nothing of it to remove. */
async function pruneIfThere(
  prune: (engine: EngineClient, filters?: Filters) => Promise<PruneReport>,
  engine: EngineClient,
  filters: Filters,
): Promise<PruneReport> {
  try {
    return await prune(engine, filters);
  } catch (error) {
    if (error instanceof EstibaError && error.kind === 'not-implemented') return { SpaceReclaimed: 0 };
    throw error;
  }
}

/** `system prune`: containers first, for they hold the rest. */
export const systemPrune = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    all: toggle('All images that no container uses, and not only those without a name', { short: 'a' }),
    filter: filterFlag('systemPrune', 'Remove those that match alone (label=NAME)', {}),
    force: toggle('Do not ask', { short: 'f' }),
    volumes: toggle('Anonymous volumes too'),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine }) {
    const { all, volumes, filter } = flags;
    if (!flags.force && !(await confirm(warning({ all, volumes, filters: filter })))) return 0;
    const filters = toFilters(filter);
    const reports = [await pruneContainers(engine, filters), await pruneIfThere(pruneNetworks, engine, filters)];
    if (volumes) reports.push(await pruneVolumes(engine, filters));
    reports.push(await pruneImages(engine, toFilters([...filter, `dangling=${!all}`])));
    let total = 0;
    for (const report of reports) {
      writeOut(deletedText('Deleted Containers', report.ContainersDeleted));
      writeOut(deletedText('Deleted Networks', report.NetworksDeleted));
      writeOut(deletedText('Deleted Volumes', report.VolumesDeleted));
      writeOut(deletedText('Deleted Images', deletedImages(report.ImagesDeleted)));
      total += report.SpaceReclaimed ?? 0;
    }
    const cache = await pruneBuildCache(engine, { all, filters });
    writeOut(deletedText('Deleted build cache objects', cache.CachesDeleted));
    writeOut(reclaimedText(total + cache.SpaceReclaimed));
    return 0;
  },
});
