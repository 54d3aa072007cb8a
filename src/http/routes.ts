import type { Builder } from '#builder';
import type { Containers } from '#containers';
import type { Events } from '#events';
import type { Images } from '#images';
import type { Networks } from '#networks';
import type { Volumes } from '#volumes';
import { checkpoints, plugins, swarm } from './absent.ts';
import { buildImage, cancelBuild } from './build/build.ts';
import type { BuildDoors } from './build/doors.ts';
import { openGrpc } from './build/grpc.ts';
import { pruneBuildCache } from './build/prune.ts';
import { openSession } from './build/session.ts';
import {
  containerChanges,
  exportContainer,
  getContainerArchive,
  putContainerArchive,
  statContainerPath,
} from './containers/archive.ts';
import { attachContainer } from './containers/attach.ts';
import { attachOverWebSocket } from './containers/attach-web-socket.ts';
import { createContainer } from './containers/create.ts';
import {
  killContainer,
  pauseContainer,
  resizeContainer,
  restartContainer,
  startContainer,
  stopContainer,
  unpauseContainer,
} from './containers/life.ts';
import { containerLogs } from './containers/logs.ts';
import { inspectContainer, listContainers } from './containers/read.ts';
import { pruneContainers, removeContainer } from './containers/remove.ts';
import { renameContainer } from './containers/rename.ts';
import { updateContainer } from './containers/update.ts';
import { containerStats, containerTop } from './containers/usage.ts';
import { waitContainer } from './containers/wait.ts';
import { createExec } from './exec/create.ts';
import { inspectExec, resizeExec } from './exec/inspect.ts';
import { startExec } from './exec/start.ts';
import { loadImages, saveImage, saveImages } from './images/archive.ts';
import { compareImages, diskShares, imageTree, planImageGc, runImageGc } from './images/care.ts';
import { pruneImages, removeImage, tagImage } from './images/change.ts';
import { checkImages } from './images/check.ts';
import { commitContainer } from './images/commit.ts';
import { createImage } from './images/create.ts';
import { inspectDistribution, searchImages } from './images/lookup.ts';
import { pushImage } from './images/push.ts';
import { imageHistory, inspectImage, listImages } from './images/read.ts';
import {
  connectNetwork,
  createNetwork,
  disconnectNetwork,
  inspectNetwork,
  listNetworks,
  pruneNetworks,
  removeNetwork,
} from './networks/endpoints.ts';
import { traceNetworks } from './networks/trace.ts';
import { unserved } from './not-implemented.ts';
import type { Route } from './router.ts';
import { diskUsage } from './system/disk-usage.ts';
import { events } from './system/events.ts';
import { info } from './system/info.ts';
import { login } from './system/login.ts';
import { ping } from './system/ping.ts';
import { stopEngine } from './system/stop.ts';
import type { Login, SystemInformation } from './system/types.ts';
import { version } from './system/version.ts';
import {
  createVolume,
  inspectVolume,
  listVolumes,
  pruneVolumes,
  removeVolume,
  updateVolume,
} from './volumes/endpoints.ts';

/** What the API is a face of. */
export interface Features {
  readonly containers: Containers;
  readonly images: Images;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly events: Events;
  readonly system: SystemInformation;
  readonly login: Login;
  readonly builds: BuildDoors;
  /** Loaded when it is asked for. */
  readonly builder: () => Promise<Builder>;
}

/** The table of all endpoints, without the version prefix that each may have. */
export function routes({
  containers,
  images,
  networks,
  volumes,
  events: journal,
  system,
  login: logIn,
  builds,
  builder,
}: Features): Route[] {
  return [
    ['GET', '/_ping', ping],
    ['HEAD', '/_ping', ping],
    ['GET', '/version', version(system)],
    ['GET', '/info', info(system, containers, images, volumes)],
    ['GET', '/events', events(journal)],
    ['GET', '/system/df', diskUsage({ containers, images, volumes, builder })],
    ['POST', '/estiba/stop', stopEngine(system)],
    ['GET', '/estiba/system/df', diskShares(images)],
    ['POST', '/estiba/images/check', checkImages(images)],
    ['GET', '/estiba/images/diff', compareImages(images)],
    ['GET', '/estiba/images/gc', planImageGc(images)],
    ['POST', '/estiba/images/gc', runImageGc(images)],
    ['GET', '/estiba/images/tree', imageTree(images)],
    ['GET', '/estiba/networks/trace', traceNetworks(networks, containers)],
    ['POST', '/auth', login(logIn)],
    ['POST', '/build', buildImage({ builder, builds })],
    ['POST', '/build/cancel', cancelBuild({ builds })],
    ['POST', '/session', openSession(builds)],
    ['POST', '/grpc', openGrpc(builds)],
    ['POST', '/build/prune', pruneBuildCache(builder, journal)],
    ...unserved,
    ...swarm,
    ...plugins,
    ...checkpoints,

    ['POST', '/containers/create', createContainer(containers)],
    ['GET', '/containers/json', listContainers(containers)],
    ['POST', '/containers/prune', pruneContainers(containers)],
    ['GET', '/containers/{name}/json', inspectContainer(containers)],
    ['GET', '/containers/{name}/logs', containerLogs(containers)],
    ['GET', '/containers/{name}/stats', containerStats(containers)],
    ['GET', '/containers/{name}/top', containerTop(containers)],
    ['POST', '/containers/{name}/start', startContainer(containers)],
    ['POST', '/containers/{name}/stop', stopContainer(containers)],
    ['POST', '/containers/{name}/restart', restartContainer(containers)],
    ['POST', '/containers/{name}/kill', killContainer(containers)],
    ['POST', '/containers/{name}/pause', pauseContainer(containers)],
    ['POST', '/containers/{name}/unpause', unpauseContainer(containers)],
    ['POST', '/containers/{name}/wait', waitContainer(containers)],
    ['POST', '/containers/{name}/resize', resizeContainer(containers)],
    ['POST', '/containers/{name}/attach', attachContainer(containers)],
    ['GET', '/containers/{name}/attach/ws', attachOverWebSocket(containers)],
    ['POST', '/containers/{name}/rename', renameContainer(containers)],
    ['POST', '/containers/{name}/update', updateContainer(containers)],
    ['POST', '/containers/{name}/exec', createExec(containers)],
    ['HEAD', '/containers/{name}/archive', statContainerPath(containers)],
    ['GET', '/containers/{name}/archive', getContainerArchive(containers)],
    ['PUT', '/containers/{name}/archive', putContainerArchive(containers)],
    ['GET', '/containers/{name}/export', exportContainer(containers)],
    ['GET', '/containers/{name}/changes', containerChanges(containers)],
    ['POST', '/commit', commitContainer(containers)],
    ['DELETE', '/containers/{name}', removeContainer(containers)],

    ['POST', '/exec/{name}/start', startExec(containers, system.version)],
    ['POST', '/exec/{name}/resize', resizeExec(containers)],
    ['GET', '/exec/{name}/json', inspectExec(containers)],

    ['POST', '/images/create', createImage(images)],
    ['POST', '/images/load', loadImages(images)],
    ['POST', '/images/prune', pruneImages(images)],
    ['GET', '/images/get', saveImages(images)],
    ['GET', '/images/json', listImages(images)],
    ['GET', '/images/search', searchImages(images)],
    ['POST', '/images/{name}/push', pushImage(images)],
    ['GET', '/distribution/{name}/json', inspectDistribution(images)],
    ['GET', '/images/{name}/get', saveImage(images)],
    ['GET', '/images/{name}/json', inspectImage(images)],
    ['GET', '/images/{name}/history', imageHistory(images)],
    ['POST', '/images/{name}/tag', tagImage(images)],
    ['DELETE', '/images/{name}', removeImage(images)],

    ['GET', '/volumes', listVolumes(volumes)],
    ['POST', '/volumes/create', createVolume(volumes)],
    ['POST', '/volumes/prune', pruneVolumes(volumes)],
    ['GET', '/volumes/{name}', inspectVolume(volumes)],
    ['PUT', '/volumes/{name}', updateVolume],
    ['DELETE', '/volumes/{name}', removeVolume(volumes)],

    ['GET', '/networks', listNetworks(networks)],
    ['GET', '/networks/', listNetworks(networks)],
    ['POST', '/networks/create', createNetwork(networks)],
    ['POST', '/networks/prune', pruneNetworks(networks)],
    ['GET', '/networks/{name}', inspectNetwork(networks)],
    ['POST', '/networks/{name}/connect', connectNetwork(containers)],
    ['POST', '/networks/{name}/disconnect', disconnectNetwork(containers)],
    ['DELETE', '/networks/{name}', removeNetwork(networks)],
  ];
}
