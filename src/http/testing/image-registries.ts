import type { Images } from '#images';
import { fail } from '#std/errors';

/** What images have to do with registries; there is one, which has `busybox`. */
export function memoryRegistries(known: (reference: string) => void): Pick<Images, 'push' | 'lookUp' | 'search'> {
  return {
    push: ({ name, tag }) => {
      if (name.toLowerCase() !== name) throw fail('invalid-argument', 'invalid reference format');
      return (async function* () {
        yield { status: `The push refers to repository [docker.io/library/${name}]` };
        known(name);
        yield { status: 'Pushing', progress: '[=>] <1kB', id: tag ?? 'latest' };
      })();
    },
    lookUp: async (name) => {
      known(name);
      return { Descriptor: { mediaType: 'm', digest: 'sha256:aa', size: 1 }, Platforms: null };
    },
    search: async ({ term, limit }) =>
      Array.from({ length: Math.min(limit, 1) }, () => ({
        star_count: 1,
        is_official: true,
        name: term,
        is_automated: false,
        description: '',
      })),
  };
}
