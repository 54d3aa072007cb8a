export type { RegistryOptions } from './types.ts';
