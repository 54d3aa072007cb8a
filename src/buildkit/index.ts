export { type Buildkit, type BuildkitParts, openBuildkit } from './open.ts';
