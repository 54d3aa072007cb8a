import type { RegistryCredentials } from '#client';
import { parseReference } from '#oci';
import { fail } from '#std/errors';
import type { ConfigFile } from './config-file.ts';
import { changeConfigFile } from './write-config.ts';

/** The address under which docker keeps the credentials of its own registry. */
export const dockerHubAddress = 'https://index.docker.io/v1/';

const tokenUser = '<token>';

/** The registry that an argument names: Docker's own when it names none, else its host without a scheme. */
export function registryAddress(server: string | undefined): string {
  if (server === undefined || server === '' || server === 'docker.io') return dockerHubAddress;
  if (server === dockerHubAddress) return server;
  return server.replace(/^https?:\/\//, '').split('/')[0] ?? server;
}

/** The registry that an image's name belongs to, as credentials are kept for it. */
export function registryOfImage(reference: string): string {
  const { name } = parseReference(reference);
  return registryAddress(name.slice(0, name.indexOf('/')));
}

/** The credentials to send along with what concerns an image's registry; undefined when none are known. */
export function imageCredentials(config: ConfigFile, reference: string): Promise<RegistryCredentials | undefined> {
  return readCredentials(config, registryOfImage(reference));
}

/** The program that keeps the credentials of a registry; none when `config.json` itself does. */
export function credentialHelper(config: ConfigFile, address: string): string | undefined {
  return config.credHelpers?.[address] || config.credsStore || undefined;
}

/** Runs `docker-credential-NAME ACTION` with a text on its input; gives what it says. */
async function runHelper(name: string, action: 'get' | 'store' | 'erase', input: string): Promise<string> {
  const program = `docker-credential-${name}`;
  if (Bun.which(program) === null) {
    throw fail(
      'invalid-argument',
      `error getting credentials - err: exec: "${program}": executable file not found in $PATH, out: \`\``,
    );
  }
  const child = Bun.spawn([program, action], { stdin: Buffer.from(input), stdout: 'pipe', stderr: 'inherit' });
  const output = (await child.stdout.text()).trim();
  if ((await child.exited) !== 0) {
    throw fail(
      'invalid-argument',
      `error getting credentials - err: exit status ${child.exitCode}, out: \`${output}\``,
    );
  }
  return output;
}

/** What is known of a registry's credentials, undefined when nothing is. */
export async function readCredentials(config: ConfigFile, address: string): Promise<RegistryCredentials | undefined> {
  const helper = credentialHelper(config, address);
  if (helper === undefined) {
    const { auth, identitytoken } = config.auths?.[address] ?? {};
    if (!auth && !identitytoken) return undefined;
    const decoded = Buffer.from(auth ?? '', 'base64').toString();
    const colon = decoded.indexOf(':');
    const username = decoded.slice(0, Math.max(0, colon));
    return {
      username,
      serveraddress: address,
      ...(identitytoken ? { identitytoken } : { password: decoded.slice(colon + 1).replace(/\0+$/, '') }),
    };
  }
  try {
    const { Username, Secret } = JSON.parse(await runHelper(helper, 'get', address)) as Record<string, string>;
    if (Username === tokenUser) return { identitytoken: Secret ?? '', serveraddress: address };
    return { username: Username ?? '', password: Secret ?? '', serveraddress: address };
  } catch (error) {
    // That is how a helper says that it has none.
    if (error instanceof Error && error.message.includes('credentials not found')) return undefined;
    throw error;
  }
}

/** Keeps credentials, with the helper where there is one; tells whether they have come to lie open in `config.json`. */
export async function storeCredentials(
  folder: string,
  config: ConfigFile,
  credentials: RegistryCredentials,
): Promise<{ unencrypted: boolean }> {
  const { serveraddress: address, username = '', password = '', identitytoken } = credentials;
  const helper = credentialHelper(config, address);
  if (helper !== undefined) {
    const secret = {
      ServerURL: address,
      Username: identitytoken ? tokenUser : username,
      Secret: identitytoken ?? password,
    };
    await runHelper(helper, 'store', JSON.stringify(secret));
    await changeConfigFile(folder, (changed) => {
      changed.auths = { ...changed.auths, [address]: {} };
    });
    return { unencrypted: false };
  }
  const auth = Buffer.from(`${username}:${identitytoken ? '' : password}`).toString('base64');
  const before = config.auths?.[address];
  // Docker warns of what it writes, and it writes no more than what is new.
  if (before?.auth === auth && (before.identitytoken ?? '') === (identitytoken ?? '')) return { unencrypted: false };
  await changeConfigFile(folder, (changed) => {
    changed.auths = { ...changed.auths, [address]: { auth, ...(identitytoken ? { identitytoken } : {}) } };
  });
  return { unencrypted: true };
}

/** Forgets the credentials of a registry. */
export async function eraseCredentials(folder: string, config: ConfigFile, address: string): Promise<void> {
  const helper = credentialHelper(config, address);
  if (helper !== undefined) await runHelper(helper, 'erase', address);
  if (config.auths?.[address] === undefined) return;
  await changeConfigFile(folder, (changed) => {
    const { [address]: _, ...others } = changed.auths ?? {};
    changed.auths = others;
  });
}
