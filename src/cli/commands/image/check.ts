import type { ImageCheckReport, ImageProblem, ProgressMessage } from '#api';
import { checkImages, type EngineClient, listImages } from '#client';
import { shortId } from '#std/identifiers';
import type { ConfigFile } from '../../connection/config-file.ts';
import { imageCredentials } from '../../connection/credentials.ts';
import { defineCommand } from '../../grammar/command.ts';
import { text, toggle } from '../../grammar/flag.ts';
import { printProgress } from '../../print/progress.ts';
import { isTerminal } from '../../streams/terminal.ts';
import { writeOut } from '../../streams/text-output.ts';
import { checkFormat } from '../../values/text-or-json.ts';

function problemLine({ Subject, Digest, Path, Message }: ImageProblem): string {
  return `  ${Subject} ${shortId(Digest)}: ${Path === undefined ? '' : `${Path} `}${Message}\n`;
}

function reportText({ Id, Names, Problems, ProblemsTotal, Healed, NotHealed }: ImageCheckReport): string {
  const name = `${Names.length === 0 ? '<none>' : Names.join(', ')} (${shortId(Id)})`;
  const unnamed = ProblemsTotal - Problems.length;
  return [
    `${name}: ${ProblemsTotal === 0 ? 'whole' : `${ProblemsTotal} problems`}\n`,
    ...Problems.map(problemLine),
    unnamed === 0 ? '' : `  and ${unnamed} more\n`,
    ...Healed.map((line) => `  healed: ${line}\n`),
    ...NotHealed.map((line) => `  not healed: ${line}\n`),
  ].join('');
}

/** Prints the progress on the way, and gathers the reports. */
async function gather(messages: AsyncIterable<ProgressMessage>): Promise<ImageCheckReport[]> {
  const reports: ImageCheckReport[] = [];
  async function* withoutReports(): AsyncGenerator<ProgressMessage> {
    for await (const message of messages) {
      if (message.aux !== undefined) reports.push(message.aux as ImageCheckReport);
      else yield message;
    }
  }
  await printProgress(withoutReports(), { fd: 2, quiet: !(await isTerminal(2)) });
  return reports;
}

/** Image by image: each registry is told its own credentials and nobody else's. */
async function repair(engine: EngineClient, names: readonly string[], config: ConfigFile): Promise<ImageCheckReport[]> {
  const images = await listImages(engine, { all: true });
  const all = images.map(({ Id, RepoTags, RepoDigests }) => [RepoTags?.[0] ?? RepoDigests?.[0], Id] as const);
  const wanted = names.length > 0 ? names.map((name) => [nameOf(images, name), name] as const) : all;
  const reports: ImageCheckReport[] = [];
  for (const [reference, name] of wanted) {
    const credentials = reference === undefined ? undefined : await imageCredentials(config, reference);
    reports.push(...(await gather(await checkImages(engine, [name], { repair: true, credentials }))));
  }
  return reports;
}

/** A name that says where an image came from, for one that was given by its id. */
function nameOf(images: Awaited<ReturnType<typeof listImages>>, text: string): string | undefined {
  if (!/^(?:sha256:)?[0-9a-f]+$/.test(text)) return text;
  const image = images.find(({ Id }) => Id.startsWith(text) || Id.slice('sha256:'.length).startsWith(text));
  return image === undefined ? undefined : (image.RepoDigests?.[0] ?? image.RepoTags?.[0]);
}

/** `image check`: exit code 1 when something is wrong. */
export const imageCheck = defineCommand({
  usage: '[OPTIONS] [IMAGE...]',
  description:
    'Verifies images, all of them when none is named: records, configuration, the digest of each blob, and every file of each\nlayer against the tar that it came from. With --repair a damaged blob is fetched from a registry that has it, and a damaged\nlayer is unpacked anew; a layer that a running container stands on is left as it is.',
  examples: [
    ['image check', 'Verify everything'],
    ['image check --repair debian:bookworm', 'Verify an image and heal it'],
  ],
  flags: {
    format: text('text or json', { initial: 'text', completes: ['text', 'json'] }),
    repair: toggle('Heal what is damaged'),
  },
  args: { min: 0 },
  operands: ['image'],
  async run({ flags, args, engine, config }) {
    checkFormat(flags.format);
    const reports = flags.repair
      ? await repair(engine, args, config)
      : await gather(await checkImages(engine, args, { repair: false }));
    writeOut(flags.format === 'json' ? `${JSON.stringify(reports)}\n` : reports.map(reportText).join(''));
    return reports.some(({ ProblemsTotal }) => ProblemsTotal > 0) ? 1 : 0;
  },
});
