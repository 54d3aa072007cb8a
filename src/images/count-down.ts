/** Tells each second how long it still is until something is tried again, as Docker does. */
export function countDown(tell: (status: string) => void) {
  let timer: ReturnType<typeof setInterval> | undefined;
  const end = (): void => clearInterval(timer);
  return {
    begin(waitSeconds: number): void {
      end();
      let left = Math.max(1, Math.round(waitSeconds));
      const tick = (): void => {
        tell(`Retrying in ${left} second${left === 1 ? '' : 's'}`);
        left -= 1;
        if (left === 0) end();
      };
      timer = setInterval(tick, 1000);
      tick();
    },
    end,
  };
}
