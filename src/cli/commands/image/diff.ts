import type { ConfigDifference, FileDifference, ImageDifference, ImageSide } from '#api';
import { compareImages } from '#client';
import { shortId } from '#std/identifiers';
import { printSize } from '#std/sizes';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';
import { writeOut } from '../../streams/text-output.ts';
import { checkFormat } from '../../values/text-or-json.ts';

const kindLetters = { added: 'A', removed: 'D', changed: 'C' } as const;

function signed(bytes: number): string {
  return `${bytes < 0 ? '-' : '+'}${printSize(Math.abs(bytes), 3)}`;
}

function sideText(name: string, { Id, Size, Layers }: ImageSide): string {
  return `${name} (${shortId(Id)}, ${printSize(Size, 3)}, ${Layers} layers)`;
}

function fileLine({ Path, Kind, What, Directory, Files, SizeBefore, SizeAfter }: FileDifference): string {
  const stands = Directory && Kind !== 'changed' ? `, ${Files} files` : '';
  const what = What.length > 0 ? `, ${What.join(', ')}` : '';
  const size = SizeBefore === SizeAfter ? '' : ` (${signed(SizeAfter - SizeBefore)}${stands}${what})`;
  const rest = size === '' && stands + what !== '' ? ` (${(stands + what).slice(2)})` : size;
  return `${kindLetters[Kind]} ${Path}${Directory ? '/' : ''}${rest}`;
}

function totalsLine(files: readonly FileDifference[]): string {
  const parts = (['added', 'removed', 'changed'] as const).map((kind) => {
    const some = files.filter(({ Kind }) => Kind === kind);
    const bytes = some.reduce((sum, { SizeBefore, SizeAfter }) => sum + SizeAfter - SizeBefore, 0);
    return `${some.reduce((sum, { Files }) => sum + Files, 0)} ${kind} (${signed(bytes)})`;
  });
  return `Files: ${parts.join(', ')}`;
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function configLine({ Field, Key, Before, After }: ConfigDifference): string {
  const name = Key === undefined ? Field : `${Field} ${Key}`;
  if (Before === undefined) return `A ${name}: ${valueText(After)}`;
  if (After === undefined) return `D ${name}: ${valueText(Before)}`;
  return `C ${name}: ${valueText(Before)} -> ${valueText(After)}`;
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `\n${title}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function differenceText(names: readonly [string, string], difference: ImageDifference): string {
  const { Before, After, Files, Packages, Config, SharedLayers, SharedSize } = difference;
  const packages = Packages.map(({ Manager, Name, Before: old, After: young }) => {
    if (old === undefined) return `A ${Name} ${young} (${Manager})`;
    return young === undefined ? `D ${Name} ${old} (${Manager})` : `C ${Name} ${old} -> ${young} (${Manager})`;
  });
  return [
    `--- ${sideText(names[0], Before)}\n+++ ${sideText(names[1], After)}\n`,
    `Shared: ${SharedLayers} layers, ${printSize(SharedSize, 3)}\n`,
    `Size: ${signed(After.Size - Before.Size)}\n`,
    section('Config:', Config.map(configLine)),
    section('Packages:', packages),
    Files.length === 0 ? '' : section(totalsLine(Files), Files.map(fileLine)),
  ].join('');
}

/** `image diff`. */
export const imageDiff = defineCommand({
  usage: '[OPTIONS] IMAGE IMAGE',
  description:
    'Shows what the second image has that the first has not, and the other way round: files (times are not compared; a\ndirectory that only one has stands for all that is in it), packages of dpkg, apk and rpm, and configuration.',
  examples: [['image diff web:1 web:2', 'What a new version of an image changes']],
  flags: { format: text('text or json', { initial: 'text', completes: ['text', 'json'] }) },
  args: { min: 2, max: 2 },
  operands: ['image', 'image'],
  async run({ flags, args, engine }) {
    checkFormat(flags.format);
    const [before = '', after = ''] = args;
    const difference = await compareImages(engine, before, after);
    writeOut(flags.format === 'json' ? `${JSON.stringify(difference)}\n` : differenceText([before, after], difference));
    return 0;
  },
});
