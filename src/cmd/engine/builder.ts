import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BuilderOptions, OpenedBuilder } from '#builder';
import { type BuildGcPolicy, openBuildRecords, usualGcPolicy } from '#builder/cache';
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
    return openBuilder({
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
  }

  function open(): Promise<OpenedBuilder> {
    opening ??= load();
    return opening;
  }

  /** What an engine leaves that builds: its records, and what steps have while they run. */
  function isAnythingLeft(): boolean {
    const places = [join(execRoot, 'build'), join(dataRoot, 'build')];
    if (places.some((place) => existsSync(place) && readdirSync(place).length > 0)) return true;
    return [...buildRecords.all()].length > 0;
  }

  return {
    open,
    gcPolicy: policy,
    async reconcile(): Promise<void> {
      if (isAnythingLeft()) await (await open()).builder.reconcile();
    },
    async close(): Promise<void> {
      if (opening !== undefined) await (await opening).builder.close();
    },
  };
}
