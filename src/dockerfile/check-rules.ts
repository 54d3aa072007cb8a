import type { CheckOptions } from './directives.ts';
import { quoteGo } from './quote.ts';
import type { LineRange } from './source.ts';

const hint = (meant: string | undefined, sign = ''): string =>
  meant === undefined ? '' : ` (did you mean ${sign}${meant}?)`;

/** Every check: what it is about, and what it says of one finding. */
const rules = {
  StageNameCasing: {
    description: 'Stage names should be lowercase',
    detail: (name: string) => `Stage name '${name}' should be lowercase`,
  },
  FromAsCasing: {
    description: "The 'as' keyword should match the case of the 'from' keyword",
    detail: (from: string, as: string) => `'${as}' and '${from}' keywords' casing do not match`,
  },
  NoEmptyContinuation: {
    description: 'Empty continuation lines will become errors in a future release',
    detail: () => 'Empty continuation line',
  },
  ConsistentInstructionCasing: {
    description: 'All commands within the Dockerfile should use the same casing (either upper or lower)',
    detail: (keyword: string, casing: string) =>
      `Command '${keyword}' should match the case of the command majority (${casing})`,
  },
  DuplicateStageName: {
    description: 'Stage names should be unique',
    detail: (name: string) => `Duplicate stage name ${quoteGo(name)}, stage names should be unique`,
  },
  ReservedStageName: {
    description: 'Reserved words should not be used as stage names',
    detail: (name: string) => `Stage name should not use the same name as reserved stage ${quoteGo(name)}`,
  },
  JSONArgsRecommended: {
    description: 'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
    detail: (keyword: string) =>
      `JSON arguments recommended for ${keyword} to prevent unintended behavior related to OS signals`,
  },
  MaintainerDeprecated: {
    description: 'The MAINTAINER instruction is deprecated, use a label instead to define an image author',
    detail: () => 'Maintainer instruction is deprecated in favor of using label',
  },
  UndefinedArgInFrom: {
    description: 'FROM command must use declared ARGs',
    detail: (name: string, meant?: string) => `FROM argument '${name}' is not declared${hint(meant)}`,
  },
  WorkdirRelativePath: {
    description:
      'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
    detail: (path: string) => `Relative workdir ${quoteGo(path)} can have unexpected results if the base image changes`,
  },
  UndefinedVar: {
    description: 'Variables should be defined before their use',
    detail: (name: string, meant?: string) => `Usage of undefined variable '$${name}'${hint(meant, '$')}`,
  },
  MultipleInstructionsDisallowed: {
    description: 'Multiple instructions of the same type should not be used in the same stage',
    detail: (keyword: string) =>
      `Multiple ${keyword} instructions should not be used in the same stage because only the last one will be used`,
  },
  LegacyKeyValueFormat: {
    description: 'Legacy key/value format with whitespace separator should not be used',
    detail: (keyword: string) =>
      `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`,
  },
  RedundantTargetPlatform: {
    description: 'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
    detail: (platform: string) =>
      `Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`,
  },
  SecretsUsedInArgOrEnv: {
    description: 'Sensitive data should not be used in the ARG or ENV commands',
    detail: (keyword: string, name: string) =>
      `Do not use ARG or ENV instructions for sensitive data (${keyword} ${quoteGo(name)})`,
  },
  InvalidDefaultArgInFrom: {
    description: 'Default value for global ARG results in an empty or invalid base image name',
    detail: (base: string) => `Default value for ARG ${base} results in empty or invalid base image name`,
  },
  FromPlatformFlagConstDisallowed: {
    description: 'FROM --platform flag should not use a constant value',
    detail: (platform: string) => `FROM --platform flag should not use constant value ${quoteGo(platform)}`,
  },
  CopyIgnoredFile: {
    description: 'Attempting to Copy file that is excluded by .dockerignore',
    isExperimental: true,
    detail: (keyword: string, path: string) =>
      `Attempting to ${keyword} file ${quoteGo(path)} that is excluded by .dockerignore`,
  },
  InvalidDefinitionDescription: {
    description:
      'Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.',
    isExperimental: true,
    detail: (keyword: string, name: string) =>
      `Comment for ${keyword} should follow the format: \`# ${name} <description>\``,
  },
  ExposeProtoCasing: {
    description: 'Protocol in EXPOSE instruction should be lowercase',
    detail: (port: string) => `Defined protocol '${port}' in EXPOSE instruction should be lowercase`,
  },
  ExposeInvalidFormat: {
    description:
      'IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release',
    detail: (port: string) =>
      `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`,
  },
} as const satisfies Record<
  string,
  { description: string; isExperimental?: boolean; detail: (...words: string[]) => string }
>;

export type RuleName = keyof typeof rules;

/** One finding of a check. */
export interface Warning {
  readonly rule: RuleName;
  readonly description: string;
  readonly detail: string;
  readonly lines: LineRange;
}

/** Where checks are reported. */
export interface Checks {
  readonly warnings: readonly Warning[];
  report<N extends RuleName>(rule: N, lines: LineRange, ...words: Parameters<(typeof rules)[N]['detail']>): void;
  /** The message of the error that findings are when `error=true` is asked for; undefined when there is none. */
  failure(): string | undefined;
}

/** Collects findings, but for those of rules that are left out. */
export function createChecks(options: CheckOptions): Checks {
  const warnings: Warning[] = [];
  const isOn = (rule: RuleName): boolean => {
    const isExperimental = 'isExperimental' in rules[rule];
    if (isExperimental) return options.experimentalAll || options.experimental.has(rule);
    return !options.skipAll && !options.skip.has(rule);
  };
  return {
    warnings,
    report: (rule, lines, ...words) => {
      if (!isOn(rule)) return;
      const { description } = rules[rule];
      const detail = (rules[rule].detail as (...all: string[]) => string)(...(words as string[]));
      warnings.push({ rule, description, detail, lines });
    },
    failure: () => {
      if (!options.failOnWarning || warnings.length === 0) return undefined;
      return `lint violation found for rules: ${[...new Set(warnings.map(({ rule }) => rule))].join(', ')}`;
    },
  };
}
