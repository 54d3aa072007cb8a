import { dlopen, type Pointer, ptr } from 'bun:ffi';
import { fail } from '#std/errors';
import { lazy } from '#std/lazy';

const showHandles = 1 << 3;

const library = lazy(() => {
  const { symbols } = dlopen('libnftables.so.1', {
    nft_ctx_new: { args: ['u32'], returns: 'ptr' },
    nft_ctx_buffer_error: { args: ['ptr'], returns: 'i32' },
    nft_ctx_buffer_output: { args: ['ptr'], returns: 'i32' },
    nft_ctx_output_set_flags: { args: ['ptr', 'u32'], returns: 'void' },
    nft_ctx_get_error_buffer: { args: ['ptr'], returns: 'cstring' },
    nft_ctx_get_output_buffer: { args: ['ptr'], returns: 'cstring' },
    nft_run_cmd_from_buffer: { args: ['ptr', 'ptr'], returns: 'i32' },
  });
  return symbols;
});

/** One context for the process's life; it belongs to the network namespace in which it was made. */
const context = lazy((): Pointer => {
  const made = library().nft_ctx_new(0);
  if (made === null) throw fail('internal', 'nftables: no context');
  library().nft_ctx_buffer_error(made);
  library().nft_ctx_buffer_output(made);
  library().nft_ctx_output_set_flags(made, showHandles);
  return made as Pointer;
});

/**
 * Runs commands in the language of nft(8) as one transaction: all of it or nothing. Returns what they print (handles
 * included); throws `internal` with the first complaint. The library reads tables of all owners before most commands, so
 * the time that it takes grows with the host's ruleset: for what is done for each container or network there is
 * `changeElements`.
 */
export function runNftables(commands: string): string {
  const text = Buffer.from(`${commands}\0`);
  const status = library().nft_run_cmd_from_buffer(context(), ptr(text));
  const complaint = String(library().nft_ctx_get_error_buffer(context()) ?? '');
  const output = String(library().nft_ctx_get_output_buffer(context()) ?? '');
  if (status !== 0) throw fail('internal', `nftables: ${firstLine(complaint)}`);
  return output;
}

/** `<cmdline>:1:1-5: Error: Could not process rule: No such file or directory` without its place. */
function firstLine(complaint: string): string {
  return (complaint.split('\n')[0] ?? '').replace(/^\S+: Error: /, '');
}
