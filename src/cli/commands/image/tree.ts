import type { ImageTreeLeaf, ImageTreeNode } from '#api';
import { imageTree } from '#client';
import { shortId } from '#std/identifiers';
import { printSize } from '#std/sizes';
import { defineCommand } from '../../grammar/command.ts';
import { text } from '../../grammar/flag.ts';
import { writeOut } from '../../streams/text-output.ts';
import { checkFormat } from '../../values/text-or-json.ts';

function leafText({ Id, Names, Size, SharedSize, Containers }: ImageTreeLeaf): string {
  const name = Names.length === 0 ? '<none>' : Names.join(', ');
  const own = Size - SharedSize;
  const sizes = `${printSize(Size, 3)}, ${printSize(own, 3)} of its own`;
  const used = Containers.map((container) => `${shortId(container.Id)}${container.Running ? ' (running)' : ''}`);
  return `${name} ${shortId(Id)} (${sizes})${used.length === 0 ? '' : ` used by ${used.join(', ')}`}`;
}

function nodeText({ Layers, Size, Sharers }: ImageTreeNode): string {
  const layers = Layers.length === 1 ? shortId(Layers[0] ?? '') : `${Layers.length} layers`;
  return `${layers}, ${printSize(Size, 3)}${Sharers > 1 ? `, in ${Sharers} images` : ''}`;
}

function branchLines(node: ImageTreeNode): string[] {
  const below = [...node.Images.map((image) => [leafText(image)]), ...node.Children.map(branchLines)];
  const lines = below.flatMap((branch, index) => {
    const isLast = index === below.length - 1;
    return branch.map((line, row) => `${row === 0 ? (isLast ? '└─ ' : '├─ ') : isLast ? '   ' : '│  '}${line}`);
  });
  return [nodeText(node), ...lines];
}

/** `image tree`. */
export const imageTreeCommand = defineCommand({
  usage: '[OPTIONS] [IMAGE...]',
  description: 'Shows images below the layers that they share, with the containers that use them.',
  flags: { format: text('text or json', { initial: 'text', completes: ['text', 'json'] }) },
  args: { min: 0 },
  operands: ['image'],
  async run({ flags, args, engine }) {
    checkFormat(flags.format);
    const tree = await imageTree(engine, args);
    const lines = tree.Roots.flatMap(branchLines).map((line) => `${line}\n`);
    writeOut(flags.format === 'json' ? `${JSON.stringify(tree)}\n` : lines.join(''));
    return 0;
  },
});
