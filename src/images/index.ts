export { runExaminer } from './examine/examiner.ts';
export { type ImagesOptions, openImages } from './open.ts';
export { type RegistryCredentials, registryLogin } from './registry-login.ts';
export * from './types.ts';
