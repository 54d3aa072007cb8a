import { printPlatform, tarEnd, tarHeader } from '#oci';
import { fail } from '#std/errors';
import { inTurns } from '#std/in-turns';
import { packLayer } from '#store';
import { type Attributes, booleanOf, epochOf } from './attributes.ts';
import type { Export, ExportedOutput, Exporter } from './parts.ts';
import { firstSession, unlessAborted } from './sessions.ts';

/** A directory for each platform, and its name; one for all where they are not split. */
function placesOf({ outputs, result }: Export, attributes: Attributes): { output: ExportedOutput; below: string }[] {
  const isSplit = booleanOf(attributes, 'platform-split') ?? result.isMultiPlatform;
  return outputs.map((output) => ({
    output,
    below: isSplit && result.isMultiPlatform ? printPlatform(output.platform).replaceAll('/', '_') : '',
  }));
}

/** Runs `work` with the files of an output in a directory. */
async function withFiles<T>(
  { parts }: Export,
  { chain }: ExportedOutput,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const mounted = parts.builds.mount(chain);
  try {
    return await work(mounted.directory);
  } finally {
    await mounted.unmount();
  }
}

/** `local`: the files of the result, in a directory of the client's. */
export function openLocalExporter(attributes: Attributes): Exporter {
  const epochSeconds = epochOf(attributes);
  booleanOf(attributes, 'platform-split');
  return {
    name: 'exporting to client directory',
    async run(request) {
      const { context, vertex, id } = request;
      const session = firstSession(context);
      for (const { output, below } of placesOf(request, attributes)) {
        const counter = vertex.counter(
          below === '' ? 'copying files' : `copying files ${printPlatform(output.platform)}`,
        );
        await withFiles(request, output, (directory) =>
          session.sendDirectory(id, {}, directory, {
            signal: context.signal,
            onTransfer: counter.reach,
            ...(below !== '' && { below }),
            ...(epochSeconds !== undefined && { modifiedNs: BigInt(epochSeconds) * 1_000_000_000n }),
          }),
        );
        counter.end();
      }
      return {};
    },
  };
}

async function* tarOf(
  request: Export,
  attributes: Attributes,
  epochSeconds: number | undefined,
): AsyncGenerator<Uint8Array> {
  for (const { output, below } of placesOf(request, attributes)) {
    const { parts } = request;
    const mounted = parts.builds.mount(output.chain);
    const prefix = below === '' ? '' : `${below}/`;
    try {
      const modified = epochSeconds === undefined ? {} : { modifiedSeconds: epochSeconds };
      if (prefix !== '') {
        yield tarHeader({ path: prefix, type: 'directory', sizeBytes: 0, mode: 0o755, ...modified });
      }
      yield* inTurns(packLayer(mounted.directory, { prefix, isPart: true, keepsAll: true, ...modified }));
    } finally {
      await mounted.unmount();
    }
  }
  yield tarEnd;
}

/** `tar`: the files of the result, as an archive. */
export function openTarExporter(attributes: Attributes): Exporter {
  const epochSeconds = epochOf(attributes);
  booleanOf(attributes, 'platform-split');
  return {
    name: 'exporting to client tarball',
    async run(request) {
      const { context, vertex, id, outputs } = request;
      if (outputs.length === 0) throw fail('invalid-argument', 'nothing to export');
      const session = firstSession(context);
      await vertex.step('sending tarball', () =>
        session.sendFile(id, {}, unlessAborted(tarOf(request, attributes, epochSeconds), context.signal)),
      );
      return {};
    },
  };
}
