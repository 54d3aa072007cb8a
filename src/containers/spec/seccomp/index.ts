import type { OciSeccomp } from '#oci';
import { customProfile } from './custom.ts';
import { compileFilter } from './filter.ts';
import type { Machine } from './numbers.ts';
import { defaultProfile } from './profile.ts';
import { defaultRules } from './rules.ts';

export type { Machine } from './numbers.ts';

/** What decides about the filter of a container's system calls. */
export interface SeccompRequest {
  /** `builtin`, `unconfined` or the text of a profile. */
  readonly profile: string;
  readonly privileged: boolean;
  readonly capabilities: readonly string[];
  /** The host's own machine first, then those whose programs it runs too. */
  readonly machines: readonly Machine[];
  readonly kernel: string;
  /** Whether the runtime loads a program that is ready; crun does. */
  readonly loadsPrograms: boolean;
}

/** A filter in the form in which the runtime takes it: made by the runtime from a profile, or ready as a program. */
export interface SeccompFilter {
  readonly seccomp?: OciSeccomp;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** crun loads the program in this annotation (base64) as it is, which spares it several milliseconds at every start. */
const programAnnotation = 'run.oci.seccomp_bpf_data';

const compiled = new Map<string, string>();

function builtinProgram(machines: readonly Machine[], capabilities: readonly string[]): string {
  const key = [...machines, ...capabilities].join(' ');
  const present = compiled.get(key);
  if (present !== undefined) return present;
  const program = compileFilter(new Map(machines.map((machine) => [machine, defaultProfile(machine, capabilities)])));
  const text = program.toString('base64');
  compiled.set(key, text);
  return text;
}

/** The filter of a container; empty for none. A privileged container has one only when it asks for a profile. */
export function seccompFilter(request: SeccompRequest): SeccompFilter {
  const { profile, privileged, capabilities, machines, kernel } = request;
  const [machine] = machines;
  if (profile === 'unconfined' || machine === undefined || (privileged && profile === 'builtin')) return {};
  if (profile === 'builtin' && !request.loadsPrograms) return { seccomp: defaultRules(machines, capabilities) };
  if (profile === 'builtin') return { annotations: { [programAnnotation]: builtinProgram(machines, capabilities) } };
  const seccomp = customProfile(profile, { capabilities, machine, kernel });
  return seccomp === undefined ? {} : { seccomp };
}
