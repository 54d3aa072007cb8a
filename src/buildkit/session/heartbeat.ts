import { health } from '#build-api';
import { type GrpcClientConnection, GrpcError, statusCodes } from '#grpc';

const intervalMs = 10_000;
const timeoutMs = 30_000;

/**
 * Asks a client now and then whether it is there, and closes its connection when it is not: of one that vanished behind a network
 * nothing else tells.
 */
export function watchClient(connection: GrpcClientConnection, times = { intervalMs, timeoutMs }): void {
  const { Check } = connection.client(health.healthService);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = async (): Promise<void> => {
    try {
      await Check({}, { timeoutMs: times.timeoutMs });
    } catch (error) {
      // One that cannot say is there.
      if (!(error instanceof GrpcError) || error.code !== statusCodes.unimplemented) return connection.close();
    }
    later();
  };
  const later = (): void => {
    if (connection.signal.aborted) return;
    timer = setTimeout(() => {
      look().catch(() => connection.close());
    }, times.intervalMs);
  };
  connection.signal.addEventListener('abort', () => clearTimeout(timer));
  later();
}
