import { GrpcError } from '#grpc';

/** What a call fails with; throws when that is no `GrpcError`, and when it does not fail. */
export async function failureOf(call: Promise<unknown>): Promise<GrpcError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof GrpcError)) throw new Error(`no GrpcError: ${error}`);
  return error;
}
