import type { Checks } from './check-rules.ts';
import type { Dockerfile } from './parse.ts';
import type { LineRange } from './source.ts';
import { nearest } from './suggest.ts';
import type { Node } from './syntax.ts';

const isUpper = (word: string): boolean => word === word.toUpperCase();
const isLower = (word: string): boolean => word === word.toLowerCase();

/** The checks of one instruction that need to know nothing else. */
export function checkNode(node: Node, checks: Checks): void {
  if (node.name === 'MAINTAINER') checks.report('MaintainerDeprecated', node.lines);
  if (node.name === 'FROM') checkFrom(node, checks);
  if (node.name === 'ARG') {
    checkDescription(
      node,
      node.words.map(({ text }) => text.split('=', 1)[0] ?? ''),
      checks,
    );
  }
}

function checkFrom(node: Node, checks: Checks): void {
  const [, as, name = ''] = node.words.map(({ text }) => text);
  if (as === undefined || node.words.length !== 3) return;
  const isMatching = (isLower(node.keyword) && isLower(as)) || (isUpper(node.keyword) && isUpper(as));
  const isConsistent = isLower(node.keyword) || isUpper(node.keyword);
  if (name !== name.toLowerCase()) checks.report('StageNameCasing', node.lines, name);
  if (isConsistent && !isMatching) checks.report('FromAsCasing', node.lines, node.keyword, as);
  checkDescription(node, [name.toLowerCase()], checks);
}

/** Whether the last comment above begins with a name that is defined below it. */
function checkDescription(node: Node, names: readonly string[], checks: Checks): void {
  const first = node.comments.at(-1)?.split(' ', 1)[0];
  if (first === undefined || names.length === 0 || names.includes(first)) return;
  checks.report(
    'InvalidDefinitionDescription',
    node.lines,
    node.name,
    names.length > 1 ? '<arg_key>' : (names[0] ?? ''),
  );
}

/** The checks of stages' names and of the casing of keywords, which look at the whole file. */
export function checkFile({ stages }: Dockerfile, checks: Checks): void {
  const names = new Set<string>();
  for (const { name, node } of stages) {
    if (name === '') continue;
    if (name === 'context' || name === 'scratch') checks.report('ReservedStageName', node.lines, name);
    if (names.has(name)) checks.report('DuplicateStageName', node.lines, name);
    names.add(name);
  }
  checkCasing(
    stages.flatMap(({ node, instructions }) => [node, ...instructions.map((one) => one.node)]),
    checks,
  );
}

function checkCasing(nodes: readonly Node[], checks: Checks): void {
  const lower = nodes.filter(({ keyword }) => isLower(keyword)).length;
  const upper = nodes.filter(({ keyword }) => isUpper(keyword)).length;
  const casing = lower > upper ? 'lowercase' : 'uppercase';
  const isRight = lower > upper ? isLower : isUpper;
  for (const { keyword, lines } of nodes) {
    if (!isRight(keyword)) checks.report('ConsistentInstructionCasing', lines, keyword, casing);
  }
}

/** Variables of a FROM that no ARG before it declares. */
export function checkGlobalNames(
  unmatched: ReadonlySet<string>,
  declared: ReadonlySet<string>,
  lines: LineRange,
  checks: Checks,
): void {
  for (const name of unmatched) {
    if (declared.has(name)) continue;
    const meant = nearest(name, declared, true);
    checks.report('UndefinedArgInFrom', lines, name, ...(meant === undefined ? [] : [meant]));
  }
}

const secretWords = 'apikey|auth|credentials?|key|password|pword|passwd|secret|token';
const secret = new RegExp(`(?:_|^)(?:${secretWords})(?:_|$)`, 'i');
const harmless = /(?:_|^)public(?:_|$)/i;

/** Whether a variable is called as one that holds a secret. */
export function isSecretName(name: string): boolean {
  return secret.test(name) && !harmless.test(name);
}
