import { useEffect, useState } from "preact/hooks";

const TICK_MS = 1_000;

/** Milliseconds since `running` became true, anew each second; 0 where it is not. */
export function useElapsed(running: boolean): number {
  const [elapsedMs, setElapsedMs] = useState(0);
  useEffect(() => {
    setElapsedMs(0);
    if (!running) return;
    const started = performance.now();
    const timer = setInterval(() => setElapsedMs(performance.now() - started), TICK_MS);
    return () => clearInterval(timer);
  }, [running]);
  return elapsedMs;
}
