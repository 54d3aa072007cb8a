export { type CallLimits, PluginSilence } from './client.ts';
export { PluginConnection } from './connection.ts';
export { defaultPluginDirectories, findPlugin, listPlugins, type PluginAddress } from './discovery.ts';
