import { basename } from 'node:path';
import type { Source } from './sources.ts';

export const fileLinesMax = 320;
export const functionLinesMax = 75;
/** With the functions in it. */
export const factoryLinesMax = 180;

/** A pattern that may not stand in a line of code, and what to write instead. */
interface Forbidden {
  readonly pattern: RegExp;
  readonly instead: string;
  /** Where the rule holds; everywhere when there is none. */
  readonly where?: RegExp;
  /** Looked for in comments too. */
  readonly inComments?: boolean;
}

const forbidden: readonly Forbidden[] = [
  { pattern: /(?::|<|\bas)\s*any\b|\bany\[\]/, instead: 'unknown, and a check of what it is' },
  { pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/, instead: 'the code itself, or an issue', inComments: true },
  { pattern: /@ts-(?:ignore|nocheck|expect-error)/, instead: 'a type that is true', inComments: true },
  { pattern: /biome-ignore/, instead: 'code that the linter accepts', where: /^src\/(?!linux\/)/, inComments: true },
  { pattern: /\b(?:test|it|describe)\.(?:skip|todo|only|skipIf|todoIf|failing)\b/, instead: 'a test that runs' },
  { pattern: /\bclass \w*(?:Manager|Helper|Utils?)\b/, instead: 'the name of what it does' },
  { pattern: /\bconsole\.(?:log|error|warn|info)\(/, instead: 'log() of #std/log', where: /^src\/(?!cli\/|cmd\/)/ },
  { pattern: /\/wor[k]\/|\/tm[p]\/(?:peer|estiba)\b/, instead: 'a path that is passed in', inComments: true },
  {
    pattern: /\bnew Error\(/,
    instead: 'fail(kind, message) of #std/errors',
    where: /^src\/(?!.*(?:\.test\.ts$|\/testing\/))/,
  },
];

const names = /^(?:utils?|helpers?|common|managers?|misc|shared|lib)(?:\.|$)/i;

/** What is untidy about a path; empty when nothing is. */
export function untidyPath(path: string): string[] {
  return path.split('/').flatMap((part) => {
    if (names.test(part)) return [`${path}: "${part}" says nothing; name it for what it does`];
    if (!/^[a-z0-9.-]+$/.test(part))
      return [`${path}: "${part}"; name files and folders in lower case, words joined by "-"`];
    return [];
  });
}

/** Lines of a file with the text of comments and strings blanked, so that patterns meet code alone. */
export function codeLines(text: string): string[] {
  const blank = (match: string): string => match.replace(/[^\n]/g, ' ');
  return text
    .replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, blank)
    .split('\n');
}

function untidyLines({ path, text }: Source): string[] {
  const code = codeLines(text);
  return text.split('\n').flatMap((line, index) =>
    forbidden.flatMap(({ pattern, instead, where, inComments }) => {
      const tested = inComments === true ? line : (code[index] ?? '');
      if (!pattern.test(tested) || (where !== undefined && !where.test(path))) return [];
      return [`${path}:${index + 1}: "${pattern.exec(tested)?.[0].trim()}"; write ${instead}`];
    }),
  );
}

const opensFunction =
  /(?:\bfunction\b.*|=>\s*|^\s*(?:async |static |get |set |override |\*)*[\w#[\].]+(?:<.*>)?\(.*\).*|^\s*\).*)\{$/;
const opensOther = /^\s*(?:\} )?(?:if|for|while|switch|catch|else|do|try|with|return|throw|class|describe)\b/;

interface Span {
  readonly first: number;
  readonly last: number;
}

/** Where functions begin and end, in lines. Biome indents, so one ends at the first `}` as deep as its head. */
function functionSpans(text: string): Span[] {
  const lines = text.split('\n');
  return codeLines(text).flatMap((line, first) => {
    if (!opensFunction.test(line) || opensOther.test(line)) return [];
    const indent = /^ */.exec(line)?.[0] ?? '';
    const length = lines.slice(first + 1).findIndex((later) => later.startsWith(`${indent}}`)) + 1;
    return [{ first, last: first + length }];
  });
}

/** Functions that are too long. What a function holds of other functions (a factory's methods) counts as theirs. */
function longFunctions({ path, text }: Source): string[] {
  const spans = functionSpans(text);
  const lengthOf = ({ first, last }: Span): number => last - first + 1;
  return spans.flatMap((span) => {
    const inner = spans.filter(({ first, last }) => first > span.first && last < span.last);
    const nearest = inner.filter(
      (one) => !inner.some((other) => other !== one && other.first < one.first && other.last > one.last),
    );
    const own = lengthOf(span) - nearest.reduce((sum, one) => sum + lengthOf(one), 0);
    const complaint = own > functionLinesMax || lengthOf(span) > factoryLinesMax;
    return complaint
      ? [`${path}:${span.first + 1}: a function of ${own} lines (${lengthOf(span)} with those in it); split it`]
      : [];
  });
}

function undocumented({ path, text }: Source): string[] {
  if (!path.startsWith('src/') || path.endsWith('.test.ts')) return [];
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const name = /^export (?:async )?(?:function\*? |const )(\w+)(?:.*=>|[(<])/.exec(line)?.[1];
    const before = lines[index - 1]?.trim() ?? '';
    const overload = new RegExp(`^export (?:async )?function ${name}\\b.*;$`).test(before);
    if (name === undefined || before.endsWith('*/') || overload) return [];
    return [`${path}:${index + 1}: ${name} is exported; write above it what it takes, gives and throws`];
  });
}

/** All that is untidy about a file; each complaint names what to do instead. */
export function untidy(source: Source): string[] {
  const lines = source.text.split('\n').length - 1;
  const long = lines > fileLinesMax ? [`${source.path}: ${lines} lines; split it, ${fileLinesMax} is the most`] : [];
  return [
    ...untidyPath(source.path),
    ...long,
    ...untidyLines(source),
    ...longFunctions(source),
    ...undocumented(source),
  ];
}

/** Whether a path is that of a unit test that has nothing beside it to test. */
export function isOrphanTest(path: string, all: ReadonlySet<string>): boolean {
  const directory = path.slice(0, -basename(path).length);
  return (
    path.endsWith('.test.ts') && ![...all].some((other) => other.startsWith(directory) && !other.endsWith('.test.ts'))
  );
}
