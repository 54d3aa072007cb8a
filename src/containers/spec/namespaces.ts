import type { OciNamespace } from '#oci';

/** Namespaces that a container shares with the host, or joins by path, instead of having its own. */
export type NamespaceChoice = 'host' | 'private' | { readonly path: string };

export interface NamespaceChoices {
  readonly network: NamespaceChoice;
  readonly pid: NamespaceChoice;
  readonly ipc: NamespaceChoice;
  readonly uts: NamespaceChoice;
  readonly cgroup: NamespaceChoice;
}

/** The namespaces of a container for its specification; the mount namespace is always its own. */
export function namespacesOf(choices: NamespaceChoices): OciNamespace[] {
  const namespaces: OciNamespace[] = [{ type: 'mount' }];
  for (const type of ['network', 'uts', 'pid', 'ipc', 'cgroup'] as const) {
    const choice = choices[type];
    if (choice === 'host') continue;
    namespaces.push(choice === 'private' ? { type } : { type, path: choice.path });
  }
  return namespaces;
}
