import { progressMessage, type Report } from '../progress.ts';

/** Tells each second how long it still is until something is tried again. */
export function countDown(report: Report, id: string) {
  let timer: ReturnType<typeof setInterval> | undefined;
  const end = (): void => clearInterval(timer);
  return {
    begin(waitSeconds: number): void {
      end();
      let left = Math.max(1, Math.round(waitSeconds));
      const tell = (): void => {
        report(progressMessage(id, `Retrying in ${left} second${left === 1 ? '' : 's'}`));
        left -= 1;
        if (left === 0) end();
      };
      timer = setInterval(tell, 1000);
      tell();
    },
    end,
  };
}
