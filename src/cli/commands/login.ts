import { checkCredentials, type RegistryCredentials } from '#client';
import { configPath } from '../connection/config-file.ts';
import { readCredentials, registryAddress, storeCredentials } from '../connection/credentials.ts';
import { CommandFailure } from '../failure.ts';
import { defineCommand, type Invocation } from '../grammar/command.ts';
import { text, toggle } from '../grammar/flag.ts';
import { readLine } from '../streams/ask.ts';
import { isTerminal } from '../streams/terminal.ts';
import { writeErr, writeOut } from '../streams/text-output.ts';

const loginFlags = {
  password: text('Password or access token', { short: 'p' }),
  'password-stdin': toggle('Take the password from standard input'),
  username: text('Name of the user', { short: 'u' }),
};

const otherAccountNote = `
 Info -> To login with a different account, run 'docker logout' followed by 'docker login'


`;

async function passwordOf({ flags, given }: Invocation<typeof loginFlags>): Promise<string> {
  if (given.has('username') && flags.username === '') throw new CommandFailure('username is empty');
  if (given.has('password')) {
    if (flags['password-stdin']) {
      throw new CommandFailure('conflicting options: cannot specify both --password and --password-stdin');
    }
    if (flags.password === '') throw new CommandFailure('password is empty');
    writeErr('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n');
  }
  if (!flags['password-stdin']) return flags.password;
  if (flags.username === '') throw new CommandFailure('the --password-stdin option requires --username to be set');
  return (await Bun.stdin.text()).replace(/\r?\n$/, '');
}

async function ask(username: string, address: string): Promise<RegistryCredentials> {
  if (!(await isTerminal(0))) {
    throw new CommandFailure('Error: Cannot perform an interactive login from a non TTY device');
  }
  const name = username || (await readLine('Username: '));
  if (name === '') throw new CommandFailure('Error: Non-null Username Required');
  const password = await readLine('Password: ', { hidden: true });
  if (password === '') throw new CommandFailure('Error: Password Required');
  return { username: name, password, serveraddress: address };
}

/** `login`: the engine asks the registry; credentials that are good are kept. */
export const login = defineCommand({
  usage: '[OPTIONS] [SERVER]',
  examples: [['login -u jane --password-stdin registry.example < token', 'Log in without a word on the screen']],
  flags: loginFlags,
  args: { min: 0, max: 1 },
  async run(invocation) {
    const { flags, args, engine, config, configFolder } = invocation;
    const address = registryAddress(args[0]);
    const password = await passwordOf(invocation);
    const known = flags.username === '' && password === '' ? await readCredentials(config, address) : undefined;
    const credentials =
      known ??
      (flags.username !== '' && password !== ''
        ? { username: flags.username, password, serveraddress: address }
        : await ask(flags.username, address));
    if (known)
      writeErr(
        `Authenticating with existing credentials...${known.username ? ` [Username: ${known.username}]` : ''}\n${otherAccountNote}`,
      );
    const { Status, IdentityToken } = await checkCredentials(engine, credentials);
    const { username = '' } = credentials;
    const kept = IdentityToken ? { username, identitytoken: IdentityToken, serveraddress: address } : credentials;
    if ((await storeCredentials(configFolder, config, kept)).unencrypted) {
      writeErr(
        `\nWARNING! Your credentials are stored unencrypted in '${configPath(configFolder)}'.\nConfigure a credential helper to remove this warning. See\nhttps://docs.docker.com/go/credential-store/\n\n`,
      );
    }
    if (Status !== '') writeOut(`${Status}\n`);
    return 0;
  },
});
