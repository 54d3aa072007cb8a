import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '#linux/errno';
import { isMountPoint, mountTmpfs, unmount } from '#linux/mount';
import { type StepParts, stepsDirectory } from './parts.ts';

/**
 * Makes a step's own directory, with its specification, secrets and sockets in it. All of them are on one tmpfs: no byte of them
 * reaches the disk, and to mount one for each would take longer than all else that is done here.
 */
export function makeStepDirectory(parts: Pick<StepParts, 'execRoot'>, id: string): string {
  const steps = stepsDirectory(parts);
  mkdirSync(steps, { recursive: true, mode: 0o700 });
  if (!isMountPoint(steps)) mountTmpfs(steps, { source: 'estiba-build', mode: 0o700 });
  const directory = join(steps, id);
  mkdirSync(directory, { mode: 0o700 });
  return directory;
}

/** Where what a step is given is bound, below its directory. */
export function pinsOf(directory: string): string {
  return join(directory, 'pins');
}

/** Lets go of what is bound. Never deletes below a pin: should an unmount fail, this throws. */
export function releasePins(directory: string): void {
  const pins = pinsOf(directory);
  for (const name of existsSync(pins) ? readdirSync(pins) : []) {
    const pin = join(pins, name);
    while (unmount(pin, { lazy: true }));
    try {
      rmdirSync(pin);
    } catch (error) {
      if (!hasCode(error, 'ENOTDIR')) throw error;
      unlinkSync(pin);
    }
  }
}

/** Takes a step's directory away. */
export function removeStepDirectory(directory: string): void {
  releasePins(directory);
  rmSync(directory, { recursive: true, force: true });
}

/** Takes away what they are all on; no step runs any more. */
export function removeStepsDirectory(parts: Pick<StepParts, 'execRoot'>): void {
  const steps = stepsDirectory(parts);
  while (unmount(steps, { lazy: true }));
  if (existsSync(steps)) rmdirSync(steps);
}
