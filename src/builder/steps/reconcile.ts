import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readMounts, unmount } from '#linux/mount';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import { processesDirectory, type StepParts, scratchDirectory, stepsDirectory } from './parts.ts';
import { clearCgroup, endRuntime } from './runtime.ts';
import { releasePins, removeStepsDirectory } from './step-directory.ts';

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** Where a step ran; undefined where it was killed before it did. */
function cgroupOf(directory: string): string | undefined {
  try {
    return readFileSync(join(directory, 'cgroup'), 'utf8');
  } catch {
    return undefined;
  }
}

async function endProcess(directory: string, id: string): Promise<void> {
  await endRuntime(directory, id);
  const cgroup = cgroupOf(directory);
  if (cgroup !== undefined && cgroup !== '') await clearCgroup(cgroup);
}

async function removeStep(directory: string, id: string): Promise<void> {
  await endProcess(directory, id);
  const processes = processesDirectory(directory);
  for (const process of namesIn(processes)) await endProcess(join(processes, process), process);
  releasePins(directory);
}

async function removeScratch(scratch: string): Promise<void> {
  const below = readMounts().filter(({ target }) => target.startsWith(`${scratch}/`));
  for (const { target } of below.reverse()) unmount(target, { lazy: true });
  await rm(scratch, { recursive: true, force: true });
}

/**
 * Ends the steps of a killed engine and removes what they had: processes, cgroups, mounts, secrets. Their networks are removed
 * with all others that belong to nobody that lives, and their layers with all that were not finished.
 */
export async function reconcileSteps(parts: StepParts): Promise<void> {
  const steps = stepsDirectory(parts);
  for (const id of namesIn(steps)) {
    try {
      await removeStep(join(steps, id), id);
    } catch (error) {
      log('error', 'a build step of the last engine is not all gone', { id, error: messageOf(error) });
    }
  }
  removeStepsDirectory(parts);
  await removeScratch(scratchDirectory(parts));
}
