import { posix } from 'node:path';
import { type CallLimits, type PluginAddress, PluginConnection, PluginSilence } from '#plugins';
import { fail } from '#std/errors';
import type { DriverVolume, PluginDriver } from '../driver.ts';

/** How long a plugin may take: Docker's two minutes for what may do work, one for the rest; and less where others wait. */
export interface PluginLimits {
  readonly work: CallLimits;
  readonly answer: CallLimits;
  /** Questions about a volume of which nobody knows whether it is the plugin's, and lists of all volumes. */
  readonly glance: CallLimits;
  /** How long after a glance that was in vain the plugin is not asked for another one. */
  readonly restMs: number;
}

export const defaultPluginLimits: PluginLimits = {
  work: { timeoutMs: 120_000, retryMs: 15_000 },
  answer: { timeoutMs: 60_000, retryMs: 0 },
  glance: { timeoutMs: 3000, retryMs: 0 },
  restMs: 30_000,
};

function text(source: unknown, name: string): string {
  const value = typeof source === 'object' && source !== null ? (source as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? value : '';
}

function decodeVolume(source: unknown, name: string): DriverVolume {
  const createdAt = text(source, 'CreatedAt');
  const { Status } = source as { Status?: unknown };
  return {
    name,
    mountpoint: text(source, 'Mountpoint'),
    ...(createdAt !== '' && { createdAt }),
    ...(typeof Status === 'object' && Status !== null && !Array.isArray(Status) && { status: { ...Status } }),
  };
}

/** A plugin at an address, spoken to over HTTP. Nothing that it does or leaves undone reaches further than its own calls. */
export function createPluginDriver(
  name: string,
  address: PluginAddress,
  limits: PluginLimits = defaultPluginLimits,
): PluginDriver {
  let scope = 'local';
  let silentUntilMs = 0;
  const plugin = new PluginConnection(name, address, 'VolumeDriver', async (question) => {
    try {
      const { Capabilities } = await question('Capabilities');
      scope = text(Capabilities, 'Scope').toLowerCase() === 'global' ? 'global' : 'local';
    } catch {
      // A plugin need not tell.
      scope = 'local';
    }
  });

  async function ask(method: string, body: object, callLimits: CallLimits): Promise<Readonly<Record<string, unknown>>> {
    const answer = await plugin.ask(method, body, callLimits);
    silentUntilMs = 0;
    return answer;
  }

  /** For what others wait for: a plugin that has just been silent is not waited for again. */
  async function glance(method: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    if (performance.now() < silentUntilMs) {
      throw fail('internal', `VolumeDriver.${method}: the plugin did not answer a moment ago`);
    }
    try {
      return await ask(method, body, limits.glance);
    } catch (error) {
      if (error instanceof PluginSilence && error.isTimeout) silentUntilMs = performance.now() + limits.restMs;
      throw error;
    }
  }

  function volumeIn({ Volume }: Readonly<Record<string, unknown>>, volume: string): DriverVolume | undefined {
    return typeof Volume === 'object' && Volume !== null ? decodeVolume(Volume, volume) : undefined;
  }

  return {
    name,
    async scope() {
      await plugin.activate(limits.answer);
      return scope;
    },
    async create(volume, options) {
      await ask('Create', { Name: volume, Opts: options }, limits.work);
    },
    async get(volume) {
      try {
        return volumeIn(await ask('Get', { Name: volume }, limits.answer), volume);
      } catch (error) {
        if (error instanceof PluginSilence) throw error;
        return undefined;
      }
    },
    async probe(volume) {
      try {
        return volumeIn(await glance('Get', { Name: volume }), volume);
      } catch {
        return undefined;
      }
    },
    async list() {
      const { Volumes } = await glance('List', {});
      if (!Array.isArray(Volumes)) return [];
      return Volumes.flatMap((entry) => {
        const found = text(entry, 'Name');
        return found === '' ? [] : [{ name: found, mountpoint: text(entry, 'Mountpoint') }];
      });
    },
    async remove(volume) {
      await ask('Remove', { Name: volume }, limits.work);
    },
    async mount(volume, containerId) {
      const path = text(await ask('Mount', { Name: volume, ID: containerId }, limits.work), 'Mountpoint');
      if (!posix.isAbsolute(path) || path.includes('\0')) {
        throw fail('internal', `VolumeDriver.Mount: the plugin gives no absolute path: ${JSON.stringify(path)}`);
      }
      return posix.normalize(path);
    },
    async unmount(volume, containerId) {
      await ask('Unmount', { Name: volume, ID: containerId }, limits.work);
    },
  };
}
