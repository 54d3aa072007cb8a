import { checkRequest, frontendAttributes, requestOf } from '../../build/attributes.ts';
import { cachePlace } from '../../build/caches.ts';
import { type Contexts, openContexts } from '../../build/contexts.ts';
import { openDisplay } from '../../build/display/open.ts';
import { buildFlags } from '../../build/flags.ts';
import { buildFailure, warningsFound } from '../../build/outcome.ts';
import { type Output, outputsOf } from '../../build/outputs.ts';
import { parseAgents, parseSecrets } from '../../build/secrets.ts';
import { fileSystem } from '../../builtins.ts';
import { CommandFailure } from '../../failure.ts';
import { defineCommand, type Invocation } from '../../grammar/command.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';

type Build = Invocation<typeof buildFlags>;
/** What the engine answers of a build, by BuildKit's names. */
type Response = ReadonlyMap<string, string>;

/** A program that was stopped by the keyboard ends so. */
const interruptedCode = 130;

/** What the engine answers of the image: its configuration's digest is its ID here. */
function imageId(response: Response): string {
  return response.get('containerimage.config.digest') ?? response.get('containerimage.digest') ?? '';
}

/** What `--metadata-file` holds: the answer, with what is JSON in base64 as JSON. */
function metadataOf(response: Response): string {
  const entries = [...response].map(([key, value]) => {
    if (key !== 'containerimage.descriptor') return [key, value];
    return [key, JSON.parse(Buffer.from(value, 'base64').toString()) as unknown];
  });
  return `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`;
}

/** What a frontend said of the Dockerfile: text, or JSON where `format=json` asks for it. Its status is our exit code. */
function printAnswer(flags: Build['flags'], response: Response): number {
  const text = /,format=json(?:,|$)/.test(flags.call) ? response.get('result.json') : response.get('result.txt');
  if (requestOf(flags) === checkRequest && text === '') writeOut('Check complete, no warnings found.\n');
  if (text !== undefined && text !== '') writeOut(text.endsWith('\n') ? text : `${text}\n`);
  return Number(response.get('result.statuscode') ?? 0);
}

function warnOfAttestations({ attest, provenance, sbom }: Build['flags']): void {
  const asked = [...attest, provenance, sbom].some((value) => value !== '' && value !== 'false');
  if (asked) writeErr('WARNING: attestations cannot be made yet: the image is built without them\n');
}

async function build(invocation: Build, contexts: Contexts, outputs: readonly Output[], signal: AbortSignal) {
  const { flags, engine, config } = invocation;
  const { offersOf } = await import('../../build/session.ts');
  const { offerFiles } = await import('../../build/files.ts');
  const { solve } = await import('../../build/solve.ts');
  const imports = flags['cache-from'].map((text) => cachePlace(text, 'from'));
  const exports = flags['cache-to'].map((text) => cachePlace(text, 'to'));
  const secrets = parseSecrets(flags.secret);
  const agents = parseAgents(flags.ssh);
  const files = offerFiles({ directories: contexts.directories, layouts: contexts.layouts, outputs, imports, exports });
  const display = await openDisplay(
    flags.quiet ? 'quiet' : flags.progress,
    `Building ${flags.tag[0] ?? contexts.shareOf}`,
  );
  try {
    const response = await solve(engine, {
      sharedKey: new Bun.CryptoHasher('sha256').update(`estiba\0${contexts.shareOf}`).digest('hex'),
      offers: [...offersOf({ config, secrets, agents }), ...files.offers],
      display,
      signal,
      isCall: requestOf(flags) !== undefined,
      solve: {
        frontend: 'dockerfile.v0',
        frontendAttrs: new Map(Object.entries({ ...frontendAttributes(flags), ...contexts.attributes })),
        entitlements: [...flags.allow, ...(flags.network === 'host' ? ['network.host'] : [])],
        exporters: files.exporters,
        cache: { imports: files.imports, exports: files.exports },
      },
    });
    files.finish(response);
    if (!flags.quiet) writeErr(warningsFound(display.table));
    return response;
  } catch (error) {
    if (signal.aborted) throw new CommandFailure('the build was cancelled', interruptedCode, { cause: error });
    writeErr(buildFailure(error, display.table));
    throw new CommandFailure('', 1, { cause: error });
  }
}

/** `image build`. */
export const buildCommand = defineCommand({
  usage: '[OPTIONS] PATH | URL | -',
  description: 'Builds an image from a Dockerfile and the files beside it.',
  examples: [
    ['build --tag app .', 'Build the Dockerfile of this folder'],
    ['build --explain --tag app .', 'The same, saying of each step why it was done anew'],
    ['build --output out .', 'Put the files that were built into a folder'],
    ['build --secret id=token,src=token.txt .', 'Let RUN --mount=type=secret read a secret'],
  ],
  flags: buildFlags,
  args: { min: 1, max: 1 },
  operands: ['directory'],
  async run(invocation) {
    const { flags, args } = invocation;
    const outputs = outputsOf(flags);
    warnOfAttestations(flags);
    const contexts = await openContexts(args[0] ?? '', flags);
    const cancel = new AbortController();
    const interrupt = (): void => cancel.abort();
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    try {
      const response = await build(invocation, contexts, outputs, cancel.signal);
      if (requestOf(flags) !== undefined) return printAnswer(flags, response);
      if (flags.iidfile !== '') fileSystem().writeFileSync(flags.iidfile, imageId(response));
      if (flags['metadata-file'] !== '') fileSystem().writeFileSync(flags['metadata-file'], metadataOf(response));
      if (flags.quiet && imageId(response) !== '') writeOut(`${imageId(response)}\n`);
      return 0;
    } finally {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
      contexts.clean();
    }
  },
});
