import type { ImageGcReport, ImageGcStep } from '#api';
import { planImageGc, runImageGc } from '#client';
import { shortId } from '#std/identifiers';
import { printSize } from '#std/sizes';
import { defineCommand } from '../../grammar/command.ts';
import { text, toggle } from '../../grammar/flag.ts';
import { writeOut } from '../../streams/text-output.ts';
import { checkFormat } from '../../values/text-or-json.ts';

function nameText(names: readonly string[], id: string): string {
  return names.length === 0 ? shortId(id) : `${names.join(', ')} (${shortId(id)})`;
}

function stepLine(step: ImageGcStep, isDone: boolean): string {
  const { Kind, Id, Names, Size, Cause, Skipped } = step;
  const what = Kind === 'image' ? nameText(Names, Id) : `download of ${shortId(Id)}`;
  const verb = Skipped !== undefined ? 'left' : isDone ? 'removed' : 'would remove';
  return `${verb} ${what}, ${printSize(Size, 3)}: ${Skipped ?? Cause}\n`;
}

function reportText({ Reason, Steps, Kept, Reclaims }: ImageGcReport, isDone: boolean): string {
  return [
    `${Reason}\n`,
    ...Steps.map((step) => stepLine(step, isDone)),
    ...Kept.map(({ Id, Names, Reason: why }) => `keeps ${nameText(Names, Id)}: ${why}\n`),
    `${isDone ? 'Reclaimed' : 'Would reclaim'}: ${printSize(Reclaims)}\n`,
  ].join('');
}

/** `image gc`. */
export const imageGc = defineCommand({
  usage: '[OPTIONS]',
  description:
    'Removes images that nobody uses, in the order in which they were last used, when there is more than the high watermark of\nimage-gc in daemon.json, until there is no more than the low one. The engine does the same by itself.',
  examples: [['image gc --dry-run', 'What would go now and what stays, and why']],
  flags: {
    'dry-run': toggle('Show the plan alone, with its reasons'),
    format: text('text or json', { initial: 'text', completes: ['text', 'json'] }),
  },
  args: { min: 0, max: 0 },
  async run({ flags, engine }) {
    checkFormat(flags.format);
    const report = flags['dry-run'] ? await planImageGc(engine) : await runImageGc(engine);
    writeOut(flags.format === 'json' ? `${JSON.stringify(report)}\n` : reportText(report, !flags['dry-run']));
    return 0;
  },
});
