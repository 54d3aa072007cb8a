import { lastKnownNumber, type Machine, syscallNumbers } from './numbers.ts';

/** What the filter answers to a call: lets it through, or fails it with an errno. */
export type Verdict = 'allow' | { readonly errno: number };

/** A condition on one argument. Only its low 32 bits are looked at, as the kernel does for these calls. */
export interface ArgumentTest {
  readonly argument: number;
  /** `equals` and `differs` compare the whole value; `none-of` is true when no bit of the value is set. */
  readonly test: 'equals' | 'differs' | 'none-of';
  readonly value: number;
}

/** A verdict, or one that depends on arguments: allowed when one of the tests holds, forbidden otherwise. */
export type Rule = Verdict | { readonly anyOf: readonly ArgumentTest[] };

/** What the filter does on one machine: by number, and for numbers that have no rule. */
export interface MachineProfile {
  readonly rules: ReadonlyMap<number, Rule>;
  readonly forbidden: Verdict;
  /** Above this number a call is unknown rather than forbidden: programs then fall back to an older one. */
  readonly lastKnownNumber: number;
  readonly unknown: Verdict;
}

const notPermitted: Verdict = { errno: 1 };
const noSuchCall: Verdict = { errno: 38 };

const vsockFamily = 40;
/** New namespaces of every kind that clone(2) makes: mount, cgroup, uts, ipc, user, pid, network. */
const namespaceFlags = 0x7e020000;
const linux32 = 0x0008;
const shortInode = 0x0020000;
const askPersonality = 0xffffffff;

/** Calls that only a container with one of these capabilities may make. */
const byCapability: Readonly<Record<string, readonly string[]>> = {
  CAP_DAC_READ_SEARCH: ['open_by_handle_at'],
  CAP_SYS_ADMIN: [
    'bpf',
    'fanotify_init',
    'fsconfig',
    'fsmount',
    'fsopen',
    'fspick',
    'lookup_dcookie',
    'mount',
    'mount_setattr',
    'move_mount',
    'open_tree',
    'perf_event_open',
    'quotactl',
    'quotactl_fd',
    'setdomainname',
    'sethostname',
    'setns',
    'syslog',
    'umount',
    'umount2',
    'unshare',
  ],
  CAP_SYS_BOOT: ['reboot'],
  CAP_SYS_CHROOT: ['chroot'],
  CAP_SYS_MODULE: ['delete_module', 'finit_module', 'init_module'],
  CAP_SYS_PACCT: ['acct'],
  CAP_SYS_PTRACE: ['kcmp', 'pidfd_getfd', 'process_madvise'],
  CAP_SYS_RAWIO: ['ioperm', 'iopl'],
  CAP_SYS_TIME: ['clock_settime', 'clock_settime64', 'settimeofday', 'stime'],
  CAP_SYS_TTY_CONFIG: ['vhangup'],
  CAP_SYS_NICE: ['get_mempolicy', 'mbind', 'set_mempolicy', 'set_mempolicy_home_node'],
  CAP_SYSLOG: ['syslog'],
  CAP_BPF: ['bpf'],
  CAP_PERFMON: ['perf_event_open'],
};

function personalityTest(value: number): ArgumentTest {
  return { argument: 0, test: 'equals', value };
}

/** Calls whose arguments decide, for a container that may not make namespaces. */
function argumentRules(mayAdminister: boolean): Record<string, Rule> {
  return {
    // The host's own address family: a way to the hypervisor and to other machines of it.
    socket: { anyOf: [{ argument: 0, test: 'differs', value: vsockFamily }] },
    personality: {
      anyOf: [0, linux32, shortInode, linux32 | shortInode, askPersonality].map(personalityTest),
    },
    clone: mayAdminister ? 'allow' : { anyOf: [{ argument: 0, test: 'none-of', value: namespaceFlags }] },
    // Its flags are behind a pointer where no filter sees them; libraries fall back to clone when it is not there.
    clone3: mayAdminister ? 'allow' : noSuchCall,
  };
}

/** Names that some capability gives: without it they are forbidden. */
const conditional: ReadonlySet<string> = new Set(Object.values(byCapability).flat());

/**
 * The default profile on one machine for a container with these capabilities: it forbids what Docker's default forbids.
 */
export function defaultProfile(machine: Machine, capabilities: readonly string[]): MachineProfile {
  const given = new Set(capabilities.flatMap((name) => byCapability[name] ?? []));
  const byArgument = argumentRules(capabilities.includes('CAP_SYS_ADMIN'));
  const rules = new Map<number, Rule>();
  for (const [name, number] of syscallNumbers(machine)) {
    const rule = byArgument[name] ?? (!conditional.has(name) || given.has(name) ? 'allow' : undefined);
    if (rule !== undefined) rules.set(number, rule);
  }
  return { rules, forbidden: notPermitted, lastKnownNumber, unknown: noSuchCall };
}
