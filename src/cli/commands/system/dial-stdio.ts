import { dialEngine } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { writeBytes } from '../../streams/byte-output.ts';

/** `system dial-stdio`: what `ssh://` connections run on the other machine. */
export const dialStdio = defineCommand({
  usage: '',
  flags: {},
  args: { min: 0, max: 0 },
  async run({ engine }) {
    const connection = await dialEngine(engine.endpoint);
    const send = async (): Promise<void> => {
      for await (const bytes of Bun.stdin.stream()) await connection.write(bytes);
      connection.closeWrite();
    };
    // Its failure means that the engine has hung up, which the reading below sees.
    void send().catch(() => connection.close());
    for (let bytes = await connection.read(); bytes; bytes = await connection.read()) await writeBytes(1, bytes);
    connection.close();
    return 0;
  },
});
