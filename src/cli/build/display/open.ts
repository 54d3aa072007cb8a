import { hasColours } from '../../print/colours.ts';
import { isTerminal } from '../../streams/terminal.ts';
import { writeErr } from '../../streams/text-output.ts';
import type { BuildUpdate, Display } from './model.ts';
import { PlainDisplay } from './plain.ts';
import { TerminalDisplay } from './terminal.ts';

/** Prints nothing, but keeps what a failure is explained with. */
class SilentDisplay extends PlainDisplay {
  constructor() {
    super(() => undefined);
  }
}

/** Each update as a line of JSON. */
class JsonDisplay extends SilentDisplay {
  override update(update: BuildUpdate): void {
    super.update(update);
    const logs = update.logs.map((log) => ({ ...log, data: Buffer.from(log.data).toString('base64') }));
    writeErr(`${JSON.stringify({ ...update, logs })}\n`);
  }
}

/** Where terminals have no size. */
const usualSize = { columns: 80, rows: 24 };

/** The display that `--progress` asks for; `auto` is the one in place where standard error is a terminal with colours. */
export async function openDisplay(
  kind: string,
  title: string,
): Promise<Display & { readonly table: PlainDisplay['table'] }> {
  const asked = kind === 'auto' ? (process.env.BUILDKIT_PROGRESS ?? 'auto') : kind;
  if (asked === 'quiet' || asked === 'none') return new SilentDisplay();
  if (asked === 'rawjson') return new JsonDisplay();
  if (asked === 'plain') return new PlainDisplay();
  const fits = asked === 'tty' ? await isTerminal(2) : await hasColours(2);
  if (!fits) return new PlainDisplay();
  const size = (): { columns: number; rows: number } => {
    const [columns, rows] = process.stderr.getWindowSize();
    return columns > 0 && rows > 0 ? { columns, rows } : usualSize;
  };
  return new TerminalDisplay(title, size);
}
