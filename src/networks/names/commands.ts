import type { NamedEndpoint, NameResolver } from './types.ts';

/** What the thread is told, in order. */
export type Command =
  | { readonly do: 'add'; readonly networkId: string; readonly networkName: string; readonly endpoint: NamedEndpoint }
  | { readonly do: 'remove'; readonly networkId: string; readonly endpointId: string }
  | {
      readonly do: 'setLinks';
      readonly containerId: string;
      readonly networkId: string;
      readonly links: ReadonlyMap<string, string>;
    }
  | {
      readonly do: 'serve';
      readonly ticket: number;
      readonly containerId: string;
      readonly namespacePath: string;
      readonly resolver: NameResolver;
    }
  | { readonly do: 'setForwarding'; readonly containerId: string; readonly isAllowed: boolean }
  | { readonly do: 'stop'; readonly containerId: string }
  | { readonly do: 'close' };

/** What the thread tells: what came of a `serve`, or something that went wrong. */
export type Report = { readonly ticket: number; readonly failure?: string } | { readonly fault: string };
