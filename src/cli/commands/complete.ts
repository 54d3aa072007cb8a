import { type Choice, choiceOf, directives } from '../complete/values.ts';
import { globalWords, wantedAt } from '../complete/wanted.ts';
import { resolveEngine } from '../connection/resolve.ts';
import { defineCommand, type Invocation } from '../grammar/command.ts';
import { connectionOptions, globalFlags } from '../grammar/global-flags.ts';
import { parseFlags } from '../grammar/parse-flags.ts';
import { writeOut } from '../streams/text-output.ts';

/** Whoever waits at a prompt would rather have no names than wait for an engine that hangs. */
const deadlineMs = 2000;

async function choose({ catalogue, program, args }: Invocation): Promise<Choice> {
  const wanted = await wantedAt(catalogue, args);
  if ('candidates' in wanted) return { candidates: wanted.candidates, directive: directives.noFiles };
  const { values, typed, prefix } = wanted;
  const found = await choiceOf(values, typed, async () => {
    const { values: global } = parseFlags(globalFlags, globalWords(args.slice(0, -1)), { interspersed: false });
    return resolveEngine(program, connectionOptions(global));
  });
  const candidates = found.candidates.map(({ text, summary }) => ({ text: prefix + text, summary }));
  return { ...found, candidates };
}

/**
 * `__complete WORD...`: what the last word may become, for completion scripts. The protocol is cobra's: a candidate a
 * line, with its summary after a tab, and at last a line with a colon and the directive.
 */
export const complete = defineCommand({
  usage: 'WORD...',
  flags: {},
  args: { min: 0 },
  takesWords: true,
  async run(invocation) {
    const nothing: Choice = { candidates: [], directive: directives.error | directives.noFiles };
    const late = Bun.sleep(deadlineMs).then(() => nothing);
    // A complaint would end up in the middle of the line that is being typed.
    const { candidates, directive } = await Promise.race([choose(invocation).catch(() => nothing), late]);
    const word = invocation.args.at(-1) ?? '';
    const lines = candidates
      .filter(({ text }) => text.startsWith(word))
      .map(({ text, summary }) => (summary === '' ? text : `${text}\t${summary}`));
    writeOut(`${[...lines, `:${directive}`].join('\n')}\n`);
    return 0;
  },
});
