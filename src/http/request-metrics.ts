import { Histogram, Histograms, metricText } from '#std/prometheus';

/** The actions of containers that Docker measures, by the route that asks for each. */
const actions: ReadonlyMap<string, string> = new Map([
  ['POST /containers/create', 'create'],
  ['POST /containers/{name}/start', 'start'],
  ['DELETE /containers/{name}', 'delete'],
  ['GET /containers/{name}/changes', 'changes'],
  ['POST /commit', 'commit'],
]);

/** How long requests took until their answer began, by route and status. Streams go on after that. */
export class RequestMetrics {
  readonly #requests = new Histograms();
  readonly #actions = new Map([...actions.values()].map((action) => [action, new Histogram()]));

  /** Notes one request; `route` is its pattern in the table of routes, so that their number is bounded. */
  observe(method: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ method, route, code: String(status) }, seconds);
    const action = actions.get(`${method} ${route}`);
    if (action !== undefined && status < 400) this.#actions.get(action)?.observe(seconds);
  }

  /** All of it in Prometheus's format. */
  text(): string {
    const containers = [...this.#actions].flatMap(([action, histogram]) => histogram.samples({ action }));
    const help = 'The number of seconds it takes to';
    return (
      metricText(
        'engine_daemon_container_actions_seconds',
        'histogram',
        `${help} process each container action`,
        containers,
      ) +
      metricText(
        'estiba_http_request_duration_seconds',
        'histogram',
        `${help} begin the answer of a request`,
        this.#requests.samples(),
      )
    );
  }
}
