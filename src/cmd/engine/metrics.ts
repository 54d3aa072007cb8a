import { readdirSync, readFileSync } from 'node:fs';
import type { Containers } from '#containers';
import type { EventJournal } from '#events';
import {
  type Api,
  type ApiRequest,
  type ApiResponse,
  type Listener,
  listen,
  metricText,
  type SystemInformation,
} from '#http';

/** The journal, counting the events that it takes. */
export interface CountedEvents extends EventJournal {
  readonly published: number;
}

/** Counts what goes into the journal. */
export function countEvents(events: EventJournal): CountedEvents {
  let published = 0;
  return {
    ...events,
    get published() {
      return published;
    },
    publish(draft) {
      published += 1;
      return events.publish(draft);
    },
  };
}

interface Sources {
  readonly api: Pick<Api, 'metrics'>;
  readonly system: SystemInformation;
  readonly containers: Pick<Containers, 'counts'>;
  readonly events: CountedEvents;
}

function maximumDescriptors(): number {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return Number(limit ?? 0);
}

/** What this process weighs, in the names that Prometheus's own clients use. */
function processText(startedAt: Date): string {
  const { user, system } = process.cpuUsage();
  const gauge = (name: string, help: string, value: number): string => metricText(name, 'gauge', help, [{ value }]);
  const cpu = [{ value: (user + system) / 1e6 }];
  return [
    metricText('process_cpu_seconds_total', 'counter', 'Total user and system CPU time spent in seconds.', cpu),
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', process.memoryUsage.rss()),
    gauge('process_open_fds', 'Number of open file descriptors.', readdirSync('/proc/self/fd').length),
    gauge('process_max_fds', 'Maximum number of open file descriptors.', maximumDescriptors()),
    gauge(
      'process_start_time_seconds',
      'Start time of the process since unix epoch in seconds.',
      startedAt.getTime() / 1000,
    ),
  ].join('');
}

/** All metrics of the engine; those that Docker has too have its names. */
export function engineMetrics({ api, system, containers, events }: Sources): string {
  const { host } = system;
  const labels = {
    architecture: host.machine,
    commit: system.gitCommit,
    daemon_id: system.id,
    graphdriver: system.storage.driver,
    kernel: host.kernelVersion,
    os: host.operatingSystem,
    os_type: 'linux',
    os_version: host.operatingSystemVersion,
    version: system.version,
  };
  const { running, paused, stopped } = containers.counts();
  const states = Object.entries({ running, paused, stopped }).map(([state, value]) => ({ labels: { state }, value }));
  return [
    metricText(
      'engine_daemon_engine_info',
      'gauge',
      'The information related to the engine and the OS it is running on',
      [{ labels, value: 1 }],
    ),
    metricText('engine_daemon_engine_cpus_cpus', 'gauge', 'The number of cpus that the host system of the engine has', [
      { value: host.processors },
    ]),
    metricText(
      'engine_daemon_engine_memory_bytes',
      'gauge',
      'The number of bytes of memory that the host system of the engine has',
      [{ value: host.memoryBytes }],
    ),
    metricText(
      'engine_daemon_container_states_containers',
      'gauge',
      'The count of containers in various states',
      states,
    ),
    metricText('engine_daemon_events_total', 'counter', 'The number of events logged', [{ value: events.published }]),
    metricText('engine_daemon_events_subscribers_total', 'gauge', 'The number of current subscribers to events', [
      { value: events.listeners() },
    ]),
    api.metrics(),
    processText(system.startedAt),
  ].join('');
}

/** Serves `GET /metrics` at `IP:PORT`. */
export function serveMetrics(address: string, sources: Sources): Promise<Listener> {
  const handle = async ({ method, target }: ApiRequest): Promise<ApiResponse> => {
    const found = (method === 'GET' || method === 'HEAD') && /^\/metrics(?:\?|$)/.test(target);
    const headers = { 'Content-Type': `text/plain; ${found ? 'version=0.0.4; ' : ''}charset=utf-8` };
    if (!found) return { status: 404, headers, body: '404 page not found\n' };
    return { status: 200, headers, body: engineMetrics(sources) };
  };
  return listen(`tcp://${address}`, handle);
}
