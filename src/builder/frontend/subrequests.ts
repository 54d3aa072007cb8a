import {
  type Argument,
  type CheckResult,
  checkDockerfile,
  createIgnoreMatcher,
  type Dockerfile,
  type EvaluatedStage,
  excerpt,
  type LineRange,
} from '#dockerfile';
import { fail } from '#std/errors';
import type { BuildFiles, Surroundings } from './build-files.ts';
import type { PlatformBuild } from './platform-build.ts';
import { printTable } from './tables.ts';
import { ruleUrl } from './warnings.ts';

/** What a question is answered with: for programs and for people. */
export type Answer = ReadonlyMap<string, Uint8Array>;

const version = '1.0.0';

function answerOf(value: unknown, text: string, more: Readonly<Record<string, string>> = {}): Answer {
  const fields = { 'result.json': JSON.stringify(value, undefined, 2), 'result.txt': text, version, ...more };
  return new Map(Object.entries(fields).map(([name, content]) => [name, Buffer.from(content)]));
}

const locationOf = ({ first, last }: LineRange): object => ({
  ranges: [{ start: { line: first }, end: { line: last } }],
});

const sourceOf = ({ text }: BuildFiles): string => Buffer.from(text).toString('base64');

const results = [
  { name: 'result.json', description: '' },
  { name: 'result.txt', description: '' },
];

interface Request {
  readonly name: string;
  readonly description: string;
  readonly opts: readonly object[] | null;
}

const requests: readonly Request[] = [
  {
    name: 'frontend.outline',
    description: 'List all parameters current build target supports',
    opts: [{ name: 'target', description: 'Target build stage' }],
  },
  { name: 'frontend.targets', description: 'List all targets current build supports', opts: [] },
  { name: 'frontend.subrequests.describe', description: 'List available subrequest types', opts: null },
];

/** What may be asked (`frontend.subrequests.describe`). */
export function describeRequests(): Answer {
  const shown = requests.map(({ name, description, opts }) => ({
    name,
    version,
    type: 'rpc',
    description,
    opts,
    inputs: null,
    metadata: results,
    refs: null,
  }));
  const rows = requests.map(({ name, description }) => [name.replace('frontend.', ''), version, description]);
  return answerOf(shown, printTable(['NAME', 'VERSION', 'DESCRIPTION'], rows));
}

/** What may be built (`frontend.targets`). */
export function listTargets({ stages }: Dockerfile, files: BuildFiles): Answer {
  const targets = stages.map(({ name, description, base, platform, node }, index) => ({
    ...(name !== '' && { name }),
    ...(index === stages.length - 1 && { default: true }),
    ...(description !== undefined && { description }),
    base,
    ...(platform !== '' && { platform }),
    location: locationOf(node.lines),
  }));
  const rows = targets.map(({ name, default: isDefault, description = '' }) => {
    const shown = name ?? '';
    return [isDefault ? `${shown === '' ? '' : `${shown} `}(default)` : shown, description];
  });
  return answerOf({ targets, sources: [sourceOf(files)] }, printTable(['TARGET', 'DESCRIPTION'], rows));
}

interface Parameter {
  readonly name: string;
  readonly description?: string;
  readonly value?: string;
  readonly required?: boolean;
  readonly location: object;
}

/** What stages take from outside, each once, those of bases first. */
function parametersOf(dockerfile: Dockerfile, stages: Iterable<EvaluatedStage>) {
  const found = {
    args: new Map<string, Parameter & { readonly line: number }>(),
    secrets: new Map<string, Parameter>(),
    ssh: new Map<string, Parameter>(),
  };
  const globals = new Map(
    dockerfile.globalArguments.flatMap(({ arguments: list, node }) =>
      list.map((argument): [string, { argument: Argument; lines: LineRange }] => [
        argument.key,
        { argument, lines: node.lines },
      ]),
    ),
  );
  for (const { instruction } of [...stages].flatMap(({ steps }) => steps)) {
    const { lines } = instruction.node;
    if (instruction.type === 'ARG') {
      for (const argument of instruction.arguments) {
        const { key, value } = argument;
        const first = globals.get(key) ?? { argument, lines };
        const { description } = first.argument;
        const known = { name: key, line: first.lines.first };
        const location = locationOf(first.lines);
        if (found.args.has(key)) continue;
        found.args.set(key, {
          ...known,
          ...(description && { description }),
          ...(value !== undefined && { value }),
          location,
        });
      }
    }
    if (instruction.type !== 'RUN') continue;
    for (const { type, id, source, target, required } of instruction.mounts) {
      if (type !== 'secret' && type !== 'ssh') continue;
      const name = type === 'ssh' ? id || 'default' : source || id || (target.split('/').at(-1) ?? '');
      const list = type === 'ssh' ? found.ssh : found.secrets;
      if (!list.has(name)) list.set(name, { name, ...(required && { required }), location: locationOf(lines) });
    }
  }
  const args = [...found.args.values()]
    .sort((one, other) => one.line - other.line)
    .map(({ line: _, ...shown }) => shown);
  return { args, secrets: [...found.secrets.values()], ssh: [...found.ssh.values()] };
}

/** What a build takes from outside (`frontend.outline`). */
export async function outline(build: PlatformBuild, dockerfile: Dockerfile, files: BuildFiles): Promise<Answer> {
  const { plan, stages } = await build.evaluate(({ target }) => [target]);
  const { name = '', description } = plan.stages[plan.target]?.stage ?? {};
  const { args, secrets, ssh } = parametersOf(dockerfile, stages.values());
  const value = {
    ...(name !== '' && { name }),
    ...(description !== undefined && { description }),
    ...(args.length > 0 && { args }),
    ...(secrets.length > 0 && { secrets }),
    ...(ssh.length > 0 && { ssh }),
    sources: [sourceOf(files)],
  };
  const needed = (list: readonly Parameter[]): string[][] =>
    list.map((one) => [one.name, one.required === true ? 'true' : '']);
  const tables = [
    args.length > 0 &&
      printTable(
        ['BUILD ARG', 'VALUE', 'DESCRIPTION'],
        args.map((one) => [one.name, one.value ?? '', one.description ?? '']),
      ),
    secrets.length > 0 && printTable(['SECRET', 'REQUIRED'], needed(secrets)),
    ssh.length > 0 && printTable(['SSH', 'REQUIRED'], needed(ssh)),
  ].filter((one) => one !== false);
  const title =
    name === '' ? '' : `TARGET: ${name}\n${description === undefined ? '' : `DESCRIPTION: ${description}\n`}\n`;
  return answerOf(value, title + tables.join('\n'));
}

/** What checks find, and what keeps the file from being built (`frontend.lint`). */
export async function lint(surroundings: Surroundings, files: BuildFiles): Promise<Answer> {
  const { options, parts } = surroundings;
  const { fileName, text } = files;
  const [platform = parts.platform] = options.platforms;
  const found = checkDockerfile(text, {
    platform,
    buildPlatform: parts.platform,
    buildArguments: options.buildArguments,
    ignore: createIgnoreMatcher(await files.ignorePatterns()),
    ...(options.target !== undefined && { target: options.target }),
    ...(options.checkText !== undefined && { check: options.checkText }),
  });
  const isBad = found.warnings.length > 0 || found.error !== undefined;
  return answerOf(lintJson(found, files), lintText(found, fileName, text), { 'result.statuscode': isBad ? '1' : '0' });
}

function lintJson({ warnings, error }: CheckResult, files: BuildFiles): object {
  const shown = warnings.map(({ rule, description, detail, lines }) => ({
    ruleName: rule,
    description,
    url: ruleUrl(rule),
    detail,
    location: locationOf(lines),
  }));
  const ranges = error?.lines.map(({ first, last }) => ({ start: { line: first }, end: { line: last } })) ?? [];
  return {
    warnings: shown.length > 0 ? shown : null,
    sources: [{ filename: files.fileName, data: sourceOf(files), language: 'Dockerfile' }],
    ...(error && { buildError: { message: error.message, location: { ranges } } }),
  };
}

function lintText({ warnings, error }: CheckResult, fileName: string, text: string): string {
  const found = warnings.map(
    ({ rule, detail, lines }) =>
      `\nWARNING: ${rule} - ${ruleUrl(rule)}\n${detail}\n${excerpt(fileName, text, [lines])}`,
  );
  const failure = error === undefined ? '' : `\nERROR: ${error.message}\n${excerpt(fileName, text, error.lines)}`;
  return found.join('') + failure;
}

/** Refuses a question that nobody knows. */
export function unknownRequest(name: string): Error {
  return fail('not-implemented', `unsupported request ${name}`);
}
