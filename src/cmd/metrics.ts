import { readdirSync, readFileSync } from 'node:fs';
import { type ApiRequest, type ApiResponse, type Listener, listen } from '#http';
import { metricText } from '#std/prometheus';

function maximumDescriptors(): number {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return Number(limit ?? 0);
}

/** What this process weighs, in the names that Prometheus's own clients use. */
export function processText(startedAt: Date): string {
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

/** Serves `GET /metrics` at `IP:PORT`: what `text` gives, and what this process weighs. */
export function serveMetrics(
  address: string,
  startedAt: Date,
  text: () => string | Promise<string>,
): Promise<Listener> {
  const handle = async ({ method, target }: ApiRequest): Promise<ApiResponse> => {
    const found = (method === 'GET' || method === 'HEAD') && /^\/metrics(?:\?|$)/.test(target);
    const headers = { 'Content-Type': `text/plain; ${found ? 'version=0.0.4; ' : ''}charset=utf-8` };
    if (!found) return { status: 404, headers, body: '404 page not found\n' };
    return { status: 200, headers, body: (await text()) + processText(startedAt) };
  };
  return listen(`tcp://${address}`, handle);
}
