import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BuilderOptions, OpenedBuilder } from '#builder';
import { type BuildGcPolicy, openBuildRecords, usualGcPolicy } from '#builder/cache';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import { selfCommand } from '../self.ts';
import { programVersion } from '../version.ts';
import type { SettingsInForce } from './reload.ts';

function gcPolicy({ dataRoot, builderGc }: SettingsInForce['current']): BuildGcPolicy {
  if (!builderGc.isEnabled) return [];
  return builderGc.rules ?? usualGcPolicy(dataRoot, builderGc.limits);
}

/** The builder, which is loaded when somebody first asks for it: an engine that never builds does not carry it. */
export function createLazyBuilder(
  parts: Pick<BuilderOptions, 'records' | 'images' | 'networks' | 'distribution' | 'runtime' | 'cgroupParent'>,
  inForce: SettingsInForce,
) {
  const { dataRoot, execRoot } = inForce.current;
  const buildRecords = openBuildRecords(parts.records);
  // Before anything is removed: what was built is kept also while there is no builder.
  parts.images.builds.keepFor((chainId) => buildRecords.users(chainId) > 0);
  let opening: Promise<OpenedBuilder> | undefined;

  const policy = (): BuildGcPolicy => gcPolicy(inForce.current);

  async function load(): Promise<OpenedBuilder> {
    const { openBuilder } = await import('#builder');
    const opened = openBuilder({
      ...parts,
      buildRecords,
      dataRoot,
      execRoot,
      workerCommand: [...selfCommand(), 'build-worker'],
      receiverCommand: [...selfCommand(), 'file-receiver'],
      version: programVersion,
      dns() {
        const { dns, dnsSearch, dnsOptions } = inForce.current.containers;
        return { Dns: [...dns], DnsSearch: [...dnsSearch], DnsOptions: [...dnsOptions] };
      },
      gcPolicy: policy,
    });
    // What cannot be brought into order now is with the next start; a build does not fail of it.
    await opened.builder.reconcile().catch((error: unknown) => {
      log('error', 'builds are not all in order', { error: messageOf(error) });
    });
    return opened;
  }

  function open(): Promise<OpenedBuilder> {
    opening ??= load().catch((error: unknown) => {
      // Who comes next tries again: what was in the way, a full disk, may be gone.
      opening = undefined;
      throw error;
    });
    return opening;
  }

  /** What steps have while they run: after an engine that ended well there is nothing. */
  function isAnythingLeft(): boolean {
    const places = [join(execRoot, 'build'), join(dataRoot, 'build/scratch')];
    return places.some((place) => existsSync(place) && readdirSync(place).length > 0);
  }

  return {
    open,
    gcPolicy: policy,
    /** Ends what a killed engine's steps have left. All else is looked after when the builder is loaded. */
    async reconcile(): Promise<void> {
      if (isAnythingLeft()) await open();
    },
    async close(): Promise<void> {
      if (opening !== undefined) await (await opening).builder.close();
    },
  };
}
