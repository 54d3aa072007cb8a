import { type Machine, machines } from './numbers.ts';
import type { ArgumentTest, MachineProfile, Rule, Verdict } from './profile.ts';

/** Instructions of classic BPF (linux/bpf_common.h, seccomp(2)). */
const loadWord = 0x20;
const jumpAlways = 0x05;
const jumpEqual = 0x15;
const jumpGreaterOrEqual = 0x35;
const jumpAnyBit = 0x45;
const giveBack = 0x06;

const returnAllow = 0x7fff0000;
const returnErrno = 0x00050000;
const returnKillProcess = 0x80000000;

/** Places in struct seccomp_data. */
const numberOffset = 0;
const machineOffset = 4;
const argumentsOffset = 16;
const argumentBytes = 8;
/** A conditional jump reaches this far. */
const longestJump = 255;
const instructionBytes = 8;
/** A program longer than this is refused by the kernel (BPF_MAXINSNS). */
const longestProgram = 4096;

interface Instruction {
  readonly code: number;
  readonly value: number;
  /** How many instructions are skipped. */
  readonly ifTrue?: number;
  readonly ifFalse?: number;
}

/** A stretch of numbers, from `first` up to the next stretch, with the same rule. */
interface Stretch {
  readonly first: number;
  readonly rule: Rule;
}

function verdictCode(verdict: Verdict): number {
  return verdict === 'allow' ? returnAllow : returnErrno | verdict.errno;
}

function answer(verdict: Verdict): Instruction {
  return { code: giveBack, value: verdictCode(verdict) };
}

/** Numbers ordered and joined: what has the same verdict and lies side by side is one stretch. */
function stretches({ rules, forbidden, unknown, lastKnownNumber }: MachineProfile): Stretch[] {
  const starts = new Map<number, Rule>([[0, forbidden]]);
  const without = (number: number): Verdict => (number > lastKnownNumber ? unknown : forbidden);
  starts.set(lastKnownNumber + 1, unknown);
  const ordered = [...rules].toSorted(([one], [other]) => one - other);
  for (const [number, rule] of ordered) {
    starts.set(number, rule);
    if (!rules.has(number + 1)) starts.set(number + 1, without(number + 1));
  }
  const joined: Stretch[] = [];
  for (const [first, rule] of [...starts].toSorted(([one], [other]) => one - other)) {
    if (JSON.stringify(joined.at(-1)?.rule) !== JSON.stringify(rule)) joined.push({ first, rule });
  }
  return joined;
}

/** Code of a rule: it ends in an answer whatever happens. */
function ruleCode(rule: Rule, forbidden: Verdict): Instruction[] {
  if (rule === 'allow' || 'errno' in rule) return [answer(rule)];
  const tests = rule.anyOf.flatMap(({ argument, test, value }: ArgumentTest): Instruction[] => {
    const load: Instruction = { code: loadWord, value: argumentsOffset + argument * argumentBytes };
    const [code, isWanted] = test === 'none-of' ? [jumpAnyBit, false] : [jumpEqual, test === 'equals'];
    const jump: Instruction = { code, value, ifTrue: isWanted ? 0 : 1, ifFalse: isWanted ? 1 : 0 };
    return [load, jump, answer('allow')];
  });
  return [...tests, answer(forbidden)];
}

/** A binary search over the stretches: few instructions for any number, and few for the kernel to check at the start. */
function searchCode(list: readonly Stretch[], forbidden: Verdict): Instruction[] {
  const [only] = list;
  if (only === undefined) return [answer(forbidden)];
  if (list.length === 1) return ruleCode(only.rule, forbidden);
  const middle = list.length >> 1;
  const lower = searchCode(list.slice(0, middle), forbidden);
  const upper = searchCode(list.slice(middle), forbidden);
  const value = list[middle]?.first ?? 0;
  if (lower.length <= longestJump) {
    return [{ code: jumpGreaterOrEqual, value, ifTrue: lower.length, ifFalse: 0 }, ...lower, ...upper];
  }
  const far: Instruction = { code: jumpAlways, value: lower.length };
  return [{ code: jumpGreaterOrEqual, value, ifTrue: 0, ifFalse: 1 }, far, ...lower, ...upper];
}

function machineCode(machine: Machine, profile: MachineProfile): Instruction[] {
  const search = searchCode(stretches(profile), profile.forbidden);
  const body: Instruction[] = [{ code: loadWord, value: numberOffset }, ...search];
  // The numbers of the x32 mode have a bit of their own and so end as unknown calls; nothing uses that mode any more.
  return [
    { code: jumpEqual, value: machines[machine], ifTrue: 1, ifFalse: 0 },
    { code: jumpAlways, value: body.length },
    ...body,
  ];
}

/**
 * The filter program of profiles, one for each machine that the kernel may run programs of, as an array of struct
 * sock_filter (seccomp(2)). A call of any other machine ends the process.
 */
export function compileFilter(profiles: ReadonlyMap<Machine, MachineProfile>): Buffer {
  const program: Instruction[] = [
    { code: loadWord, value: machineOffset },
    ...[...profiles].flatMap(([machine, profile]) => machineCode(machine, profile)),
    { code: giveBack, value: returnKillProcess },
  ];
  if (program.length > longestProgram) throw new RangeError(`filter of ${program.length} instructions`);
  const bytes = Buffer.alloc(program.length * instructionBytes);
  program.forEach(({ code, value, ifTrue = 0, ifFalse = 0 }, index) => {
    const at = index * instructionBytes;
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt8(ifTrue, at + 2);
    bytes.writeUInt8(ifFalse, at + 3);
    bytes.writeUInt32LE(value >>> 0, at + 4);
  });
  return bytes;
}
