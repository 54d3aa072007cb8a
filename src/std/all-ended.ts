/**
 * What all works come to, in their order. The first failure is told to `cancel`, and thrown once all have ended: nobody is left who
 * still uses, or makes, what the caller then takes away.
 */
export async function allEnded<T>(
  works: readonly Promise<T>[],
  cancel: (reason: unknown) => void = () => undefined,
): Promise<T[]> {
  let failure: { readonly reason: unknown } | undefined;
  const results = await Promise.allSettled(
    works.map((work) =>
      work.catch((reason: unknown) => {
        if (failure === undefined) cancel(reason);
        failure ??= { reason };
        throw reason;
      }),
    ),
  );
  if (failure !== undefined) throw failure.reason;
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}
