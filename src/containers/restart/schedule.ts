import { log } from '#std/log';
import type { ContainerRecord } from '../record.ts';
import { nextDelayMs } from './policy.ts';

/** The restarts that are due: one timer a container at most. */
export interface RestartSchedule {
  /** Starts the container again after its back-off. */
  plan(record: ContainerRecord): void;
  /** Drops the planned restart and forgets the back-off; true when one was planned. */
  cancel(id: string): boolean;
  /** Begins: until then nothing is planned, for the engine's start does what is due, in its order. */
  open(): void;
  /** Drops all, and plans no more: the engine stops, and the next one does what is due then. */
  close(): void;
}

/** Makes the schedule; `restart` is called when a restart is due. */
export function createRestartSchedule(restart: (id: string) => Promise<void>): RestartSchedule {
  const timers = new Map<string, NodeJS.Timeout>();
  const delays = new Map<string, number>();
  let isOpen = false;

  return {
    plan(record) {
      if (!isOpen) return;
      const { id } = record;
      clearTimeout(timers.get(id));
      const delayMs = nextDelayMs(delays.get(id), record);
      delays.set(id, delayMs);
      const due = (): void => {
        timers.delete(id);
        restart(id).catch((error: unknown) => log('error', 'restart failed', { container: id, error: String(error) }));
      };
      timers.set(id, setTimeout(due, delayMs));
    },
    cancel(id) {
      const timer = timers.get(id);
      clearTimeout(timer);
      delays.delete(id);
      return timers.delete(id);
    },
    open() {
      isOpen = true;
    },
    close() {
      isOpen = false;
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
}
