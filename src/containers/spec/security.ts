import { fail } from '#std/errors';

/** What `--security-opt` asks for. */
export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `builtin`, `unconfined`, or the text of a profile in Docker's JSON form. */
  readonly seccomp: string;
  readonly writableCgroups: boolean;
}

function invalid(stage: 1 | 2, option: string): Error {
  return fail('invalid-argument', `invalid --security-opt ${stage}: ${JSON.stringify(option)}`);
}

/** Go's spellings of a truth value. */
function booleanOf(text: string, option: string): boolean {
  if (/^(?:1|t|true)$/i.test(text)) return true;
  if (/^(?:0|f|false)$/i.test(text)) return false;
  throw invalid(2, option);
}

/**
 * Reads `HostConfig.SecurityOpt`: `name=value` or the older `name:value`. Labels and AppArmor profiles are accepted on
 * hosts without SELinux and AppArmor, as Docker does. Throws `invalid-argument` for malformed ones
 * (Docker says the same and calls it its own failure).
 */
export function parseSecurityOptions(options: readonly string[] | null): SecurityOptions {
  const parsed = { noNewPrivileges: false, seccomp: 'builtin', writableCgroups: false };
  for (const option of options ?? []) {
    if (option === 'no-new-privileges') {
      parsed.noNewPrivileges = true;
      continue;
    }
    if (option === 'disable') continue;
    const at = option.includes('=') ? option.indexOf('=') : option.indexOf(':');
    if (at < 0) throw invalid(1, option);
    const value = option.slice(at + 1);
    switch (option.slice(0, at)) {
      case 'label':
      case 'apparmor':
        break;
      case 'seccomp':
        parsed.seccomp = value === '' ? 'builtin' : value;
        break;
      case 'no-new-privileges':
        parsed.noNewPrivileges = booleanOf(value, option);
        break;
      case 'writable-cgroups':
        parsed.writableCgroups = booleanOf(value, option);
        break;
      default:
        throw invalid(2, option);
    }
  }
  return parsed;
}
