import { expect, test } from 'bun:test';
import { createVertex, type Edge } from '#builder';
import { provenanceOf } from './provenance.ts';

const platform = { os: 'linux', architecture: 'amd64' };

function source(identifier: string): Edge {
  const operation = { type: 'source', identifier, attributes: {} } as const;
  return { vertex: createVertex({ operation, inputs: [], platform, name: '', isUncached: false }), output: 0 };
}

function merged(...inputs: Edge[]): Edge {
  const operation = { type: 'merge' } as const;
  return { vertex: createVertex({ operation, inputs, platform, name: '', isUncached: false }), output: 0 };
}

async function predicateOf(edge: Edge | undefined, options: Record<string, string>) {
  const resolve = async (reference: string) => {
    if (reference.includes('gone')) throw new Error('gone');
    return { imageId: 'sha256:id', ...(reference.includes('@') && { digest: 'sha256:manifest' }) };
  };
  const content = await provenanceOf({ platform, ...(edge && { edge }) }, 'dockerfile.v0', options, resolve);
  return JSON.parse(new TextDecoder().decode(content));
}

test('a build says which images, directories and arguments it is made of', async () => {
  const digest = `sha256:${'1'.repeat(64)}`;
  const edge = merged(
    source('docker-image://docker.io/library/busybox:latest'),
    source('docker-image://docker.io/library/busybox:latest'),
    source(`docker-image://example.com/a/b:1@${digest}`),
    source('docker-image://docker.io/library/gone:latest'),
    source('local://other'),
  );
  const options = { filename: 'F', 'build-arg:A': 'b', platform: 'linux/amd64', 'attest:provenance': 'x', target: 't' };
  expect(await predicateOf(edge, options)).toEqual({
    builder: { id: '' },
    buildType: 'https://mobyproject.org/buildkit@v1',
    materials: [
      { uri: 'pkg:docker/busybox@latest?platform=linux%2Famd64', digest: { sha256: 'id' } },
      {
        uri: `pkg:docker/example.com/a/b@1?digest=${digest}&platform=linux%2Famd64`,
        digest: { sha256: 'manifest' },
      },
    ],
    invocation: {
      configSource: { entryPoint: 'F' },
      parameters: {
        frontend: 'dockerfile.v0',
        args: { 'build-arg:A': 'b', target: 't' },
        locals: [{ name: 'context' }, { name: 'dockerfile' }, { name: 'other' }],
      },
      environment: { platform: 'linux/amd64' },
    },
  });
});

test('a build of another place names that', async () => {
  const { invocation, materials } = await predicateOf(undefined, { context: 'https://example.com/r.git' });
  expect(invocation.configSource).toEqual({ uri: 'https://example.com/r.git', entryPoint: 'Dockerfile' });
  expect(invocation.parameters).toMatchObject({ locals: [] });
  expect(materials).toBeUndefined();
});
