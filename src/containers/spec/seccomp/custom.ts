import type { OciSeccomp, OciSeccompArgument, OciSeccompRule } from '#oci';
import { fail, messageOf } from '#std/errors';
import { createFailed } from '../runtime-words.ts';
import type { Machine } from './numbers.ts';

/** A profile as `--security-opt seccomp=` gives it: Docker's form, of which the runtime's own is a part. */
interface ProfileFile {
  readonly defaultAction?: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] }[];
  readonly flags?: readonly string[];
  readonly listenerPath?: string;
  readonly syscalls?: readonly ProfileRule[];
}

interface Conditions {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

interface ProfileRule {
  readonly name?: string;
  readonly names?: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly OciSeccompArgument[] | null;
  readonly includes?: Conditions;
  readonly excludes?: Conditions;
}

/** What a place in a profile holds; a list holds one of its kind, an object what its fields say. */
type Form = 'string' | 'number' | readonly [Form] | { readonly [field: string]: Form };

const conditionsForm: Form = { caps: ['string'], arches: ['string'], minKernel: 'string' };
const profileForm: Form = {
  defaultAction: 'string',
  defaultErrnoRet: 'number',
  architectures: ['string'],
  archMap: [{ architecture: 'string', subArchitectures: ['string'] }],
  flags: ['string'],
  listenerPath: 'string',
  syscalls: [
    {
      name: 'string',
      names: ['string'],
      action: 'string',
      errnoRet: 'number',
      args: [{ index: 'number', value: 'number', valueTwo: 'number', op: 'string' }],
      includes: conditionsForm,
      excludes: conditionsForm,
    },
  ],
};

/** Throws for a value of another form than a profile's; null and what is left out are of every form. */
function checkForm(value: unknown, form: Form, place: string): void {
  if (value === undefined || value === null) return;
  const isList = Array.isArray(form);
  const kind = typeof form === 'string' ? form : 'object';
  if (typeof value !== kind || Array.isArray(value) !== isList) {
    const found = Array.isArray(value) ? 'array' : typeof value;
    throw fail('internal', `${place} cannot be of type ${found}`);
  }
  if (Array.isArray(value)) {
    for (const item of value) checkForm(item, (form as readonly [Form])[0], place);
  } else if (typeof form === 'object') {
    const fields = form as Readonly<Record<string, Form>>;
    for (const [name, below] of Object.entries(fields)) {
      checkForm((value as Record<string, unknown>)[name], below, `${place}.${name}`);
    }
  }
}

/** What the kernel can do with a call (seccomp(2)), by the runtime's names. */
const actions: ReadonlySet<string> = new Set(
  ['KILL', 'KILL_PROCESS', 'KILL_THREAD', 'TRAP', 'ERRNO', 'TRACE', 'ALLOW', 'LOG', 'NOTIFY'].map(
    (name) => `SCMP_ACT_${name}`,
  ),
);

function bothGiven(one: string, other: string): Error {
  return fail(
    'internal',
    `both '${one}' and '${other}' are specified in the seccomp profile, use either '${one}' or '${other}'`,
  );
}

/** What the conditions of a profile are held against. */
export interface ProfileContext {
  readonly capabilities: readonly string[];
  readonly machine: Machine;
  /** `6.18.44`. */
  readonly kernel: string;
}

/** Names of machines in Go's spelling, which profiles use for conditions, and in libseccomp's. */
const goNames: Readonly<Record<Machine, string>> = { x86_64: 'amd64', x86: '386', aarch64: 'arm64', arm: 'arm' };

function isAtLeast(kernel: string, least: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number.parseFloat);
  const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number.parseFloat);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

function isIncluded({ includes }: ProfileRule, context: ProfileContext): boolean {
  const { caps = [], arches = [], minKernel } = includes ?? {};
  return (
    caps.every((name) => context.capabilities.includes(name)) &&
    (arches.length === 0 || arches.includes(goNames[context.machine])) &&
    (minKernel === undefined || minKernel === '' || isAtLeast(context.kernel, minKernel))
  );
}

function isExcluded({ excludes }: ProfileRule, context: ProfileContext): boolean {
  const { caps = [], arches = [], minKernel } = excludes ?? {};
  return (
    caps.some((name) => context.capabilities.includes(name)) ||
    arches.includes(goNames[context.machine]) ||
    (minKernel !== undefined && minKernel !== '' && isAtLeast(context.kernel, minKernel))
  );
}

function ruleOf({ name, names = [], action, errnoRet, args }: ProfileRule): OciSeccompRule {
  return {
    names: name === undefined || name === '' ? names : [name, ...names],
    action,
    ...(errnoRet !== undefined && { errnoRet }),
    ...(args && args.length > 0 && { args }),
  };
}

function architecturesOf(file: ProfileFile, machine: Machine): readonly string[] | undefined {
  const native = `SCMP_ARCH_${machine.toUpperCase()}`;
  const mapped = file.archMap?.find(({ architecture }) => architecture === native);
  return mapped === undefined ? file.architectures : [native, ...(mapped.subArchitectures ?? [])];
}

/**
 * Turns a profile of Docker's form into the runtime's, for one container; undefined for an empty one, which filters
 * nothing. Throws `internal`, in Docker's words, for a text that is no profile.
 */
export function customProfile(text: string, context: ProfileContext): OciSeccomp | undefined {
  let file: ProfileFile;
  try {
    const parsed: unknown = JSON.parse(text);
    checkForm(parsed, profileForm, 'Seccomp');
    file = (parsed ?? {}) as ProfileFile;
  } catch (error) {
    throw fail('internal', `Decoding seccomp profile failed: ${messageOf(error)}`, error);
  }
  if (file.archMap !== undefined && (file.architectures ?? []).length > 0) {
    throw bothGiven('architectures', 'archMap');
  }
  const rules = file.syscalls ?? [];
  for (const { name, names = [] } of rules) if (name && names.length > 0) throw bothGiven('name', 'names');
  const { defaultAction = '' } = file;
  if (defaultAction === '' && rules.length === 0) return undefined;
  for (const action of [defaultAction, ...rules.map((rule) => rule.action)]) {
    if (!actions.has(action))
      throw fail('internal', `${createFailed}string ${action} is not a valid action for seccomp`);
  }
  const architectures = architecturesOf(file, context.machine);
  return {
    defaultAction,
    ...(file.defaultErrnoRet !== undefined && { defaultErrnoRet: file.defaultErrnoRet }),
    ...(architectures !== undefined && { architectures }),
    ...(file.flags !== undefined && { flags: file.flags }),
    ...(file.listenerPath !== undefined && { listenerPath: file.listenerPath }),
    syscalls: rules.filter((rule) => isIncluded(rule, context) && !isExcluded(rule, context)).map(ruleOf),
  };
}
