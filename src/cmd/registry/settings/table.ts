import { type Flag, list, text, toggle, type ValueKind } from '#cli';

/** The forms that a setting's value may have; `docs/registry-settings.md` names them as here. */
export type SettingKind =
  | 'text'
  | 'file'
  | 'duration'
  | 'switch'
  | 'list'
  /** A file, or what would be in it. */
  | 'rules'
  | 'credentials'
  /** Texts, or mappings of what is in them. */
  | 'retention'
  | 'groups';

/** One setting: a flag, and a key of the file. */
export interface Setting {
  readonly name: string;
  readonly kind: SettingKind;
  /** Stands for the value in the help. */
  readonly value?: string;
  /** What holds when it is not set. */
  readonly missing?: string;
  /** SIGHUP applies a change of it. */
  readonly reloads?: boolean;
  readonly only?: 'flag' | 'file';
  readonly completes?: ValueKind;
  /** One sentence without a full stop. */
  readonly meaning: string;
}

function file(name: string, meaning: string, more: Partial<Setting> = {}): Setting {
  return { name, kind: 'file', value: 'FILE', completes: 'file', meaning, ...more };
}

function duration(name: string, missing: string | undefined, meaning: string): Setting {
  return { name, kind: 'duration', value: 'DURATION', meaning, ...(missing !== undefined && { missing }) };
}

const live = { reloads: true };

const places: readonly Setting[] = [
  file('config', 'Take settings from this YAML file too', { only: 'flag' }),
  { name: 'listen', kind: 'text', value: 'HOST:PORT', missing: '127.0.0.1:5000', meaning: 'Address to serve at' },
  { name: 'root', kind: 'text', value: 'DIR', completes: 'directory', meaning: 'Directory of all that is stored' },
  { name: 'metrics-addr', kind: 'text', value: 'IP:PORT', meaning: 'Serve metrics for Prometheus at this address' },
  file('tls-cert', 'Serve over TLS with this certificate', live),
  file('tls-key', 'Key of the certificate', live),
  file('tls-client-ca', 'Let in only clients with a certificate of this authority', live),
];

const access: readonly Setting[] = [
  { name: 'read-only', kind: 'switch', meaning: 'Refuse whatever changes anything', ...live },
  file('htpasswd', 'Let in the users of this file (htpasswd -B)', live),
  {
    name: 'realm',
    kind: 'text',
    value: 'TEXT',
    missing: 'Estiba',
    meaning: 'What people are told they log in to',
    ...live,
  },
  {
    name: 'issue-tokens',
    kind: 'switch',
    meaning: 'Give users tokens at /token, so that docker login keeps no password',
    ...live,
  },
  {
    name: 'token-realm',
    kind: 'text',
    value: 'URL',
    meaning: 'Send people to this token server, and let in those who come with its tokens',
    ...live,
  },
  {
    name: 'token-service',
    kind: 'text',
    value: 'NAME',
    meaning: 'What that server calls this registry: the audience of its tokens',
    ...live,
  },
  {
    name: 'token-issuer',
    kind: 'text',
    value: 'NAME',
    meaning: 'What that server calls itself in its tokens',
    ...live,
  },
  file('token-keys', 'Keys that its tokens are signed with: certificates and public keys (PEM), or a JWKS', live),
  {
    ...file('rights', 'Allow what the rules of this YAML file allow, and nothing else', live),
    kind: 'rules',
  },
  { name: 'groups', kind: 'groups', only: 'file', meaning: 'Users by the name of their group, for the rules', ...live },
];

const caching: readonly Setting[] = [
  {
    name: 'upstream',
    kind: 'list',
    value: 'PREFIX=URL',
    meaning: 'Cache another registry below a prefix: hub=https://registry-1.docker.io',
  },
  {
    name: 'upstream-default',
    kind: 'text',
    value: 'PREFIX',
    meaning: 'Seek repositories that are not here below this prefix',
  },
  {
    ...file('upstream-credentials', 'YAML file of PREFIX: {username, password}'),
    kind: 'credentials',
  },
  {
    name: 'upstream-certs',
    kind: 'text',
    value: 'DIR',
    completes: 'directory',
    missing: '/etc/docker/certs.d',
    meaning: "Authorities and client certificates for upstreams, laid out as Docker's certs.d",
  },
  duration('cache-fresh', '5m', 'How long a cached tag is believed'),
  duration('cache-keep', undefined, 'How long cached content stays that nobody asks for; for ever without it'),
];

const garbage: readonly Setting[] = [
  {
    name: 'retain',
    kind: 'retention',
    value: 'RULE',
    meaning: 'Rule for tags and untagged manifests that go',
    ...live,
  },
  duration('grace', '24h', 'How long what nothing names stays'),
  duration('upload-life', '24h', 'How long an upload may rest'),
  duration('gc-interval', '6h', 'How often garbage is collected; 0 for never'),
];

/** Every setting there is. Flags, the check of the file and docs/registry-settings.md all come from here. */
export const settingGroups: readonly (readonly [title: string, settings: readonly Setting[]])[] = [
  ['Places', places],
  ['Access', access],
  ['Other registries', caching],
  ['Garbage', garbage],
];

/** The same without their groups. */
export const allSettings: readonly Setting[] = settingGroups.flatMap(([, settings]) => settings);

function flagOf({ kind, value, missing, completes, meaning }: Setting): Flag<unknown> {
  const extra = {
    ...(value !== undefined && { type: value }),
    ...(missing !== undefined && { shownDefault: missing }),
    ...(completes !== undefined && { completes }),
  };
  if (kind === 'switch') return toggle(meaning) as Flag<unknown>;
  return (kind === 'list' || kind === 'retention' ? list(meaning, extra) : text(meaning, extra)) as Flag<unknown>;
}

/** The flags of these settings; of all by default. */
export function settingFlags(names?: readonly string[]): Record<string, Flag<unknown>> {
  const chosen = allSettings.filter(({ name, only }) => only !== 'file' && (names?.includes(name) ?? true));
  return Object.fromEntries(chosen.map((setting) => [setting.name, flagOf(setting)]));
}
