import type { OciSeccomp, OciSeccompArgument, OciSeccompRule } from '#oci';
import { type Machine, syscallNumbers } from './numbers.ts';
import { type ArgumentTest, defaultProfile, type Rule } from './profile.ts';

const notPermitted = 1;

function condition({ argument, test, value }: ArgumentTest): OciSeccompArgument {
  if (test === 'none-of') return { index: argument, value, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' };
  return { index: argument, value, op: test === 'equals' ? 'SCMP_CMP_EQ' : 'SCMP_CMP_NE' };
}

function ruleOf(name: string, rule: Rule): OciSeccompRule[] {
  if (rule === 'allow') return [{ names: [name], action: 'SCMP_ACT_ALLOW' }];
  if ('errno' in rule) return [{ names: [name], action: 'SCMP_ACT_ERRNO', errnoRet: rule.errno }];
  return rule.anyOf.map((test) => ({ names: [name], action: 'SCMP_ACT_ALLOW', args: [condition(test)] }));
}

/** The default profile as rules, for runtimes that make the program themselves; those without conditions are one. */
export function defaultRules(machines: readonly Machine[], capabilities: readonly string[]): OciSeccomp {
  const allowed = new Set<string>();
  const others = new Map<string, OciSeccompRule[]>();
  for (const machine of machines) {
    const { rules } = defaultProfile(machine, capabilities);
    for (const [name, number] of syscallNumbers(machine)) {
      const rule = rules.get(number);
      if (rule === 'allow') allowed.add(name);
      else if (rule !== undefined) others.set(name, ruleOf(name, rule));
    }
  }
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: notPermitted,
    architectures: machines.map((machine) => `SCMP_ARCH_${machine.toUpperCase()}`),
    syscalls: [{ names: [...allowed], action: 'SCMP_ACT_ALLOW' }, ...[...others.values()].flat()],
  };
}
