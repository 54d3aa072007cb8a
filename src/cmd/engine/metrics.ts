import type { Containers } from '#containers';
import type { EventJournal } from '#events';
import type { Api, SystemInformation } from '#http';
import { metricText } from '#std/prometheus';

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
  ].join('');
}
