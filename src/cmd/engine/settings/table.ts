/** The forms that a setting's value may have; `docs/engine-settings.md` names them as here. */
export type SettingKind =
  | 'text'
  | 'boolean'
  | 'number'
  | 'size'
  | 'list'
  | 'lists'
  | 'options'
  | 'switches'
  | 'ulimits'
  | 'runtimes'
  | 'proxies'
  | 'image-gc'
  | 'address-pools'
  | 'driver-options'
  | 'builder';

/** One setting: a key of daemon.json, a flag, or both. */
export interface Setting {
  /** In daemon.json; undefined for what only the command line can say. */
  readonly key?: string;
  /** Without the dashes; undefined for what only the file can say. */
  readonly flag?: string;
  readonly short?: string;
  readonly kind: SettingKind;
  /** Stands for the value in the help. */
  readonly value?: string;
  /** What holds when it is not set, in words. */
  readonly missing?: string;
  /** SIGHUP applies a change of it. */
  readonly reloads?: boolean;
  /** One sentence without a full stop. */
  readonly meaning: string;
}

export const defaults = {
  dataRoot: '/var/lib/estiba',
  execRoot: '/run/estiba',
  host: 'unix:///run/estiba/estiba.sock',
  configFile: '/etc/estiba/daemon.json',
};

/** The values of settings that have a fixed set of them. */
export const choices: Readonly<Record<string, readonly string[]>> = {
  'log-level': ['debug', 'info', 'warn', 'error', 'fatal'],
  'log-format': ['text', 'json'],
  'default-ipc-mode': ['private', 'shareable'],
  'default-cgroupns-mode': ['private', 'host'],
};

function both(key: string, kind: SettingKind, meaning: string, more: Partial<Setting> = {}): Setting {
  return { key, flag: key, kind, meaning, ...more };
}

/** Of a list: the file has the plural, the flag (given several times) the singular. */
function many(key: string, flag: string, value: string, meaning: string, more: Partial<Setting> = {}): Setting {
  return { key, flag, kind: 'list', value, meaning, ...more };
}

const commandLine: readonly Setting[] = [
  {
    flag: 'config-file',
    kind: 'text',
    value: 'FILE',
    missing: defaults.configFile,
    meaning: 'Read settings from this daemon.json',
  },
  { flag: 'validate', kind: 'boolean', meaning: 'Check the settings, say what is wrong with them, and end' },
  { flag: 'detach', short: 'd', kind: 'boolean', meaning: 'Go to the background once the engine answers' },
];

const places: readonly Setting[] = [
  both('data-root', 'text', 'Where containers, images and volumes are kept', {
    value: 'DIR',
    missing: defaults.dataRoot,
  }),
  both('exec-root', 'text', 'Where the state of what runs is kept', { value: 'DIR', missing: defaults.execRoot }),
  many('hosts', 'host', 'HOST', 'unix://PATH, tcp://IP:PORT or fd:// to serve the API on', {
    short: 'H',
    missing: defaults.host,
  }),
  both('group', 'text', 'Who, beside root, may use the unix socket', { short: 'G', value: 'GROUP', missing: 'docker' }),
  many('plugin-directories', 'plugin-directory', 'DIR', 'Where volume plugins are looked for', {
    missing: '/run/docker/plugins, /etc/docker/plugins, /usr/lib/docker/plugins',
  }),
  both('pidfile', 'text', "Write the engine's process id to this file", { short: 'p', value: 'FILE' }),
];

const guards: readonly Setting[] = [
  both('tls', 'boolean', 'Use TLS on TCP; implied by tlsverify'),
  both('tlsverify', 'boolean', 'Use TLS on TCP, and let only clients in whose certificate tlscacert signed'),
  both('tlscacert', 'text', 'The authority that signs clients', { value: 'FILE', missing: '~/.docker/ca.pem' }),
  both('tlscert', 'text', "The engine's certificate", { value: 'FILE', missing: '~/.docker/cert.pem' }),
  both('tlskey', 'text', "The engine's key", { value: 'FILE', missing: '~/.docker/key.pem' }),
];

const told: readonly Setting[] = [
  both('debug', 'boolean', 'The same as log-level debug', { short: 'D', reloads: true }),
  both('log-level', 'text', 'debug, info, warn, error or fatal', {
    short: 'l',
    value: 'LEVEL',
    missing: 'info',
    reloads: true,
  }),
  both('log-format', 'text', "How the engine's own log is written: text or json", {
    value: 'FORMAT',
    missing: 'text',
    reloads: true,
  }),
  both('metrics-addr', 'text', 'Serve metrics for Prometheus at this IP:PORT', { value: 'IP:PORT' }),
  many('labels', 'label', 'KEY=VALUE', 'Labels of the engine', { reloads: true }),
];

const life: readonly Setting[] = [
  both('live-restore', 'boolean', 'Leave containers running when the engine is told to end by a signal', {
    missing: 'true',
    reloads: true,
  }),
  both(
    'shutdown-timeout',
    'number',
    'Seconds that containers have to end when the engine stops them; -1 for as many as it takes',
    { value: 'SECONDS', missing: '15', reloads: true },
  ),
];

const containers: readonly Setting[] = [
  both('cgroup-parent', 'text', 'The cgroup below which containers are', { value: 'NAME', missing: 'estiba' }),
  {
    ...both('default-ulimits', 'ulimits', 'Limits of processes in containers that name none'),
    flag: 'default-ulimit',
    value: 'NAME=SOFT[:HARD]',
  },
  both('default-shm-size', 'size', 'Size of /dev/shm', { value: 'SIZE', missing: '64m' }),
  both('default-ipc-mode', 'text', 'private or shareable', { value: 'MODE', missing: 'private' }),
  both('default-cgroupns-mode', 'text', 'private or host', {
    value: 'MODE',
    missing: 'private on cgroup v2, host on v1',
  }),
  both('default-runtime', 'text', 'The runtime of containers that name none', {
    value: 'NAME',
    missing: 'crun',
    reloads: true,
  }),
  {
    ...both('runtimes', 'runtimes', 'Runtimes beside the built-in names', { reloads: true }),
    flag: 'add-runtime',
    value: 'NAME=PATH',
  },
  both('init', 'boolean', 'Run an init in every container that does not say otherwise'),
  both('no-new-privileges', 'boolean', 'Set no-new-privileges for new containers'),
  both('seccomp-profile', 'text', 'A profile in place of the built-in one, or unconfined', {
    value: 'FILE',
    missing: 'builtin',
  }),
  both('log-driver', 'text', "The driver of containers' logs", { value: 'DRIVER', missing: 'json-file' }),
  { ...both('log-opts', 'options', 'Options of that driver'), flag: 'log-opt', value: 'KEY=VALUE' },
];

const networks: readonly Setting[] = [
  both('bip', 'text', 'Address and prefix length of the default bridge', { value: 'CIDR' }),
  both('fixed-cidr', 'text', 'Containers of the default bridge get addresses of this range', { value: 'CIDR' }),
  both('ipv6', 'boolean', 'The default bridge has IPv6 too'),
  both('bip6', 'text', 'The IPv6 address and prefix length of the default bridge', { value: 'CIDR' }),
  both('fixed-cidr-v6', 'text', 'The same as fixed-cidr, for IPv6', { value: 'CIDR' }),
  both('mtu', 'number', 'MTU of the default bridge', { value: 'BYTES' }),
  both('ip', 'text', 'Address of the host for published ports of the default bridge that name none', {
    value: 'IP',
    missing: 'all of them',
  }),
  many('default-address-pools', 'default-address-pool', 'base=CIDR,size=BITS', 'Where subnets come from', {
    kind: 'address-pools',
    missing: "Docker's",
  }),
  {
    ...both('default-network-opts', 'driver-options', 'Options of new networks, by driver'),
    flag: 'default-network-opt',
    value: 'DRIVER=KEY=VALUE',
  },
  both('bridge-accept-fwmark', 'text', "Mark of packets that pass whatever the engine's rules say", {
    value: 'MARK[/MASK]',
  }),
  many('dns', 'dns', 'IP', 'Name servers of containers that name none'),
  many('dns-opts', 'dns-opt', 'OPTION', 'Resolver options of containers that name none'),
  many('dns-search', 'dns-search', 'DOMAIN', 'Search domains of containers that name none'),
  many('host-gateway-ips', 'host-gateway-ip', 'IP', "What host-gateway stands for in a container's extra hosts", {
    missing: "the bridge's address",
  }),
  both('icc', 'boolean', 'Containers of the default bridge may speak with each other', { missing: 'true' }),
  both('iptables', 'boolean', 'Write firewall rules (by nftables); false is refused', { missing: 'true' }),
  both('ip6tables', 'boolean', 'The same for IPv6; false is refused', { missing: 'true' }),
  both('ip-forward', 'boolean', 'Have the kernel forward packets; false is refused', { missing: 'true' }),
  both('ip-masq', 'boolean', 'Containers of the default bridge go out under an address of the host', {
    missing: 'true',
  }),
  both('userland-proxy', 'boolean', 'Either is taken: there is no process for a port in any case', { missing: 'true' }),
];

const registries: readonly Setting[] = [
  many('registry-mirrors', 'registry-mirror', 'URL', 'Mirrors of the default registry', { reloads: true }),
  {
    key: 'registry-mirrors-by-host',
    kind: 'lists',
    reloads: true,
    meaning: 'Mirrors of any registry, by its host (* for all); they are asked first, and only for what is pulled',
  },
  both(
    'registry-certificates',
    'text',
    "Authorities and client certificates for registries, laid out as Docker's certs.d",
    {
      value: 'DIR',
      missing: '/etc/docker/certs.d',
      reloads: true,
    },
  ),
  many(
    'insecure-registries',
    'insecure-registry',
    'HOST|CIDR',
    'Registries that may be spoken to without a certificate that is trusted',
    { reloads: true },
  ),
  many(
    'allow-nondistributable-artifacts',
    'allow-nondistributable-artifacts',
    'HOST',
    'Taken, as Docker takes it, and without effect: layers that only their maker distributes are pushed to every registry',
    { reloads: true },
  ),
  both('max-concurrent-downloads', 'number', 'Layers of a pull at once', {
    value: 'COUNT',
    missing: '3',
    reloads: true,
  }),
  both('max-concurrent-uploads', 'number', 'Layers of a push at once', { value: 'COUNT', missing: '5', reloads: true }),
  both('max-download-attempts', 'number', 'Tries for each layer of a pull', {
    value: 'COUNT',
    missing: '5',
    reloads: true,
  }),
  {
    key: 'proxies',
    kind: 'proxies',
    meaning:
      'http-proxy, https-proxy and no-proxy for the way to registries; else HTTP_PROXY, HTTPS_PROXY and NO_PROXY',
  },
  {
    ...both('features', 'switches', 'Named switches; those that name what is not there must be false', {
      reloads: true,
    }),
    flag: 'feature',
    value: 'NAME[=BOOL]',
  },
  {
    key: 'image-gc',
    kind: 'image-gc',
    missing: 'never',
    reloads: true,
    meaning: 'When images that nobody uses are removed to make room',
  },
  {
    key: 'builder',
    kind: 'builder',
    missing: "Docker's",
    reloads: true,
    meaning: 'How large the build cache may get (gc)',
  },
  many('exec-opts', 'exec-opt', 'KEY=VALUE', 'native.cgroupdriver=cgroupfs, which is so in any case'),
  both('storage-driver', 'text', 'overlay2, which is so in any case', {
    short: 's',
    value: 'NAME',
    missing: 'overlay2',
  }),
];

/** Every setting there is. Help, parsing, the check of daemon.json and docs/engine-settings.md all come from here. */
export const settingGroups: readonly (readonly [title: string, settings: readonly Setting[]])[] = [
  ['Command line', commandLine],
  ['Places', places],
  ['TCP', guards],
  ['What the engine tells', told],
  ['Life', life],
  ['Defaults of containers', containers],
  ['Networks', networks],
  ['Registries and images', registries],
];

/** The same without their groups. */
export const allSettings: readonly Setting[] = settingGroups.flatMap(([, settings]) => settings);
