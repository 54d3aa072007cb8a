import { fileSystem } from '../builtins.ts';
import { type ConfigFile, configPath, readConfigFile } from './config-file.ts';

type Mutable = { -readonly [K in keyof ConfigFile]: ConfigFile[K] };

/**
 * Changes `config.json`, by a file of another name so that it is whole at any time; what is not ours in it stays. A link
 * is followed: some keep the file elsewhere.
 */
export async function changeConfigFile(folder: string, change: (config: Mutable) => void): Promise<void> {
  const files = fileSystem();
  const config: Mutable = { ...(await readConfigFile(folder)) };
  change(config);
  files.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = configPath(folder);
  const target = files.existsSync(path) ? files.realpathSync(path) : path;
  const partial = `${target}.${process.pid}.part`;
  try {
    files.writeFileSync(partial, JSON.stringify(config, null, '\t'), { mode: 0o600, flush: true });
    files.renameSync(partial, target);
  } catch (error) {
    files.rmSync(partial, { force: true });
    throw error;
  }
}
