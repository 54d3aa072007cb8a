export type { ClassicMessage, ClassicQuery } from './control/classic.ts';
export { type Buildkit, type BuildkitParts, openBuildkit } from './open.ts';
export { type SessionOffer, Sessions } from './session/sessions.ts';
