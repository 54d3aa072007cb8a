import type { ImageInspectConfig } from '#api';
import { type EngineClient, engineInfo, inspectContainer, inspectImage } from '#client';
import { EstibaError, fail } from '#std/errors';
import { asCommand, type Seen } from '../../container-options/as-command/index.ts';
import { CommandFailure, failureText } from '../../failure.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';

async function imageConfig(engine: EngineClient, image: string): Promise<ImageInspectConfig> {
  try {
    return (await inspectImage(engine, image)).Config ?? {};
  } catch (error) {
    if (error instanceof EstibaError && error.kind === 'not-found') return {};
    throw error;
  }
}

function defaultsOf(info: Readonly<Record<string, unknown>>): Seen['engine'] {
  return {
    name: String(info.Name),
    logDriver: String(info.LoggingDriver),
    runtime: String(info.DefaultRuntime),
    cgroupns: info.CgroupVersion === '2' ? 'private' : 'host',
  };
}

/**
 * Prints the command line for each container, one a line, on standard error what it leaves unsaid.
 * @throws `invalid-argument` when something else is asked for too
 */
export async function printAsCommand(
  names: readonly string[],
  options: { program: 'estiba' | 'docker'; engine: EngineClient; format: string; size: boolean },
): Promise<number> {
  const { program, engine, format, size } = options;
  if (format !== '' || size) {
    throw fail('invalid-argument', 'conflicting options: cannot specify --as-command with --format or --size');
  }
  const defaults = defaultsOf(await engineInfo(engine));
  const failures: string[] = [];
  for (const name of names) {
    try {
      const container = await inspectContainer(engine, name);
      const image = await imageConfig(engine, container.Image);
      const { line, unsaid } = asCommand(program, { container, image, engine: defaults });
      writeOut(`${line}\n`);
      for (const what of unsaid) writeErr(`${name}: the line does not say ${what}\n`);
    } catch (error) {
      failures.push(failureText(error, program));
    }
  }
  if (failures.length > 0) throw new CommandFailure(failures.join('\n'));
  return 0;
}
