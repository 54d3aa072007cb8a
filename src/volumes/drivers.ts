import { findPlugin, listPlugins, type PluginAddress } from '#plugins';
import { fail, messageOf } from '#std/errors';
import type { PluginDriver } from './driver.ts';
import { createPluginDriver, type PluginLimits } from './plugins/driver.ts';

/** The volume plugins of this host, by name. */
export interface PluginDrivers {
  /** Throws `not-found` in Docker's words. */
  find(name: string): PluginDriver;
  /** All that can be found now. */
  all(): PluginDriver[];
}

/** Looks for plugins in `directories` whenever they are asked for: they come and go while the engine runs. */
export function openPluginDrivers(directories: readonly string[], limits?: PluginLimits): PluginDrivers {
  const known = new Map<string, { address: PluginAddress; driver: PluginDriver }>();

  function driverAt(name: string, address: PluginAddress): PluginDriver {
    const present = known.get(name);
    if (present !== undefined && Bun.deepEquals(present.address, address)) return present.driver;
    const driver = createPluginDriver(name, address, limits);
    known.set(name, { address, driver });
    return driver;
  }

  function lookUp(name: string): PluginDriver | undefined {
    const address = findPlugin(directories, name);
    return address === undefined ? undefined : driverAt(name, address);
  }

  return {
    find(name) {
      let driver: PluginDriver | undefined;
      try {
        driver = lookUp(name);
      } catch (error) {
        throw fail('invalid-argument', `error looking up volume plugin ${name}: ${messageOf(error)}`, error);
      }
      if (driver === undefined) {
        throw fail('not-found', `error looking up volume plugin ${name}: plugin "${name}" not found`);
      }
      return driver;
    },
    all() {
      return listPlugins(directories).flatMap((name) => {
        try {
          return lookUp(name) ?? [];
        } catch {
          // A specification that makes no sense is told of to whoever asks for that plugin.
          return [];
        }
      });
    },
  };
}
