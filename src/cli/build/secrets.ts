import { fail } from '#std/errors';
import { fileSystem } from '../builtins.ts';
import { csvFields } from '../values/csv.ts';
import { systemErrorText } from '../values/system-errors.ts';

/** Where a secret is read when a step asks for it. */
export interface SecretSource {
  readonly path?: string;
  readonly variable?: string;
}

/** As much as BuildKit takes. */
const secretMaxBytes = 500 * 1024;

/** `--secret` values, by id. */
export function parseSecrets(values: readonly string[]): Map<string, SecretSource> {
  return new Map(values.map(parseSecret));
}

function parseSecret(value: string): [string, SecretSource] {
  let [id, path, variable, type] = ['', '', '', ''];
  for (const field of csvFields(value)) {
    const equals = field.indexOf('=');
    const key = field.slice(0, Math.max(0, equals)).toLowerCase();
    const rest = field.slice(equals + 1);
    if (equals < 0) throw fail('invalid-argument', `invalid field '${field}' must be a key=value pair`);
    if (key === 'id') id = rest;
    else if (key === 'src' || key === 'source') path = rest;
    else if (key === 'env') variable = rest;
    else if (key === 'type') type = rest;
    else throw fail('invalid-argument', `unexpected key '${key}' in '${field}'`);
  }
  if (type !== '' && type !== 'file' && type !== 'env')
    throw fail('invalid-argument', `unsupported secret type "${type}"`);
  if (id === '') throw fail('invalid-argument', 'secret missing ID');
  if (type === 'env' && variable === '') [variable, path] = [path === '' ? id : path, ''];
  if (variable !== '' && process.env[variable] !== undefined) return [id, { variable }];
  if (path === '' && variable === '' && type !== 'file' && process.env[id] !== undefined) return [id, { variable: id }];
  if (variable !== '') throw fail('invalid-argument', `the variable ${variable} of the secret ${id} is not set`);
  const file = path === '' ? id : path;
  try {
    const { size } = fileSystem().statSync(file);
    if (size > secretMaxBytes) throw fail('invalid-argument', `secret ${id} too big. max size 500KB`);
  } catch (error) {
    if (error instanceof Error && 'code' in error) {
      throw fail('invalid-argument', `failed to stat ${file}: ${systemErrorText(error)}`, error);
    }
    throw error;
  }
  return [id, { path: file }];
}

/** A secret's bytes. */
export function readSecret({ path, variable }: SecretSource): Uint8Array {
  if (variable !== undefined) return Buffer.from(process.env[variable] ?? '');
  return fileSystem().readFileSync(path ?? '');
}

/** `--ssh` values: the sockets of agents, by id. Keys without an agent are refused: they would have to be unlocked here. */
export function parseAgents(values: readonly string[]): Map<string, string> {
  return new Map(
    values.map((value) => {
      const equals = value.indexOf('=');
      const id = equals < 0 ? value : value.slice(0, equals);
      const path = equals < 0 ? process.env.SSH_AUTH_SOCK : value.slice(equals + 1);
      if (path === undefined || path === '') {
        throw fail('invalid-argument', `invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set`);
      }
      const stat = fileSystem().statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) throw fail('invalid-argument', `failed to stat ${path}: no such file or directory`);
      if (!stat.isSocket()) {
        throw fail(
          'invalid-argument',
          `${path} is not the socket of an agent: give keys to ssh-agent, and name its socket`,
        );
      }
      return [id === '' ? 'default' : id, path];
    }),
  );
}
