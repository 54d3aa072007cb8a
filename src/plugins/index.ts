export { type CallLimits, PluginSilence } from './client.ts';
export { PluginConnection, type PluginKind } from './connection.ts';
export { defaultPluginDirectories, findPlugin, listPlugins, type PluginAddress } from './discovery.ts';
