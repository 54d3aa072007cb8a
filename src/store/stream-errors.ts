import { EstibaError, fail } from '#std/errors';

/** What zlib and the decompressors say of damaged input is the sender's fault; a full disk is nobody's. */
export function blameStream(error: unknown): unknown {
  if (error instanceof EstibaError || !(error instanceof Error) || !('code' in error)) return error;
  const code = String(error.code);
  if (code === 'ENOSPC' || code === 'EDQUOT') return fail('exhausted', 'no space left on device', error);
  if (code === 'Z_BUF_ERROR') return fail('invalid-argument', 'unexpected EOF', error);
  return code.startsWith('Z_') || code.startsWith('ZSTD_') ? fail('invalid-argument', error.message, error) : error;
}
