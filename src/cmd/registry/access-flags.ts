import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text, toggle } from '#cli';
import { openAccess, type RegistryOptions, type Rule, repositoryActions } from '#registry';
import { fail, messageOf } from '#std/errors';

const file = { type: 'FILE', completes: 'file' } as const;

/** Who may do what, and how the way there is protected. */
export const accessFlags = {
  htpasswd: text('Let in the users of this file (htpasswd -B)', file),
  realm: text('What people are told they log in to', { type: 'TEXT', initial: 'Estiba', shownDefault: 'Estiba' }),
  'issue-tokens': toggle('Give users tokens at /token, so that docker login keeps no password'),
  rights: text('Allow what the rules of this YAML file allow, and nothing else', file),
  'read-only': toggle('Refuse whatever changes anything'),
  'tls-cert': text('Serve over TLS with this certificate', file),
  'tls-key': text('Key of the certificate', file),
  'tls-client-ca': text('Let in only clients with a certificate of this authority', file),
};

interface Given {
  readonly root: string;
  readonly htpasswd: string;
  readonly realm: string;
  readonly 'issue-tokens': boolean;
  readonly rights: string;
  readonly 'read-only': boolean;
  readonly 'tls-cert': string;
  readonly 'tls-key': string;
  readonly 'tls-client-ca': string;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function refuse(message: string): Error {
  return fail('invalid-argument', message);
}

/** Throws for a key that means nothing here: what is misspelt must not be a right that is silently missing. */
function checkKeys(value: Readonly<Record<string, unknown>>, known: readonly string[], where: string): void {
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  if (unknown.length > 0) throw refuse(`${where}: unknown key ${unknown.join(', ')}; there are ${known.join(', ')}`);
}

function ruleOf(value: unknown, index: number): Rule {
  const where = `rights[${index}]`;
  if (!isRecord(value)) throw refuse(`${where} is no mapping`);
  checkKeys(value, ['user', 'group', 'anonymous', 'repositories', 'actions'], where);
  const { user, group, anonymous, repositories, actions } = value;
  if ([user, group, anonymous].filter((who) => who !== undefined).length !== 1) {
    throw refuse(`${where}: one of user, group and anonymous is needed`);
  }
  for (const name of [user, group]) {
    if (name !== undefined && (typeof name !== 'string' || name === '')) throw refuse(`${where}: ${name} is no name`);
  }
  if (anonymous !== undefined && anonymous !== true) throw refuse(`${where}: anonymous can only be true`);
  if (!isTexts(repositories)) throw refuse(`${where}: repositories must be a list of patterns`);
  const known: readonly string[] = repositoryActions;
  if (!isTexts(actions) || !actions.every((action) => known.includes(action))) {
    throw refuse(`${where}: actions must be a list of ${known.join(', ')}`);
  }
  return value as unknown as Rule;
}

/** Rules from a YAML text: `groups: {NAME: [USER]}` and `rights: [RULE]`. Throws `invalid-argument`, naming the place. */
export function parseRights(content: string): { rights: Rule[]; groups: Record<string, string[]> } {
  const value = Bun.YAML.parse(content);
  if (!isRecord(value)) throw refuse('it is no mapping');
  checkKeys(value, ['groups', 'rights'], 'rights file');
  const { groups = {}, rights = [] } = value;
  if (!isRecord(groups) || !Object.values(groups).every(isTexts))
    throw refuse('groups must map names to lists of users');
  // A file of rules without any would allow all, which nobody means who names one.
  if (!Array.isArray(rights) || rights.length === 0) throw refuse('rights must be a list with a rule in it');
  return { rights: rights.map(ruleOf), groups: groups as Record<string, string[]> };
}

function readRights(path: string): ReturnType<typeof parseRights> {
  if (path === '') return { rights: [], groups: {} };
  try {
    return parseRights(readFileSync(path, 'utf8'));
  } catch (error) {
    throw refuse(`--rights ${path}: ${messageOf(error)}`);
  }
}

function readTls(flags: Given): Bun.TLSOptions | undefined {
  const { 'tls-cert': cert, 'tls-key': key, 'tls-client-ca': ca } = flags;
  if (cert === '' && key === '' && ca === '') return undefined;
  if (cert === '' || key === '') throw refuse('TLS needs both --tls-cert and --tls-key');
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw refuse(`TLS: ${messageOf(error)}`);
    }
  };
  const clients = ca === '' ? {} : { ca: read(ca), requestCert: true, rejectUnauthorized: true };
  return { cert: read(cert), key: read(key), ...clients };
}

/** What the flags say of access. Throws `invalid-argument`. */
export function readAccessFlags(flags: Given): Partial<RegistryOptions> {
  if (flags['issue-tokens'] && flags.htpasswd === '') throw refuse('--issue-tokens needs --htpasswd');
  const tls = readTls(flags);
  const guard = openAccess({
    realm: flags.realm,
    ...readRights(flags.rights),
    ...(flags.htpasswd !== '' && { htpasswd: flags.htpasswd }),
    ...(flags['issue-tokens'] && {
      issue: { keyFile: join(flags.root, 'access/token-key.pem'), service: 'estiba-registry' },
    }),
  });
  return { guard, policy: { readOnly: flags['read-only'] }, ...(tls !== undefined && { tls }) };
}
