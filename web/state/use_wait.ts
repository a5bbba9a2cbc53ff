import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { Problem } from "../../contract/problem.ts";

/**
 * Whole seconds until a retryable refusal has passed; 0 when it has. The count goes on when the
 * problem is out of sight, since editing the form does not make the service less busy.
 */
export function useWait(problem: Problem | null): number {
  const [until, setUntil] = useState(0);
  const [now, setNow] = useState(0);
  useLayoutEffect(() => {
    const seconds = problem?.retry_after;
    if (seconds === undefined) return;
    const refused = performance.now();
    setNow(refused);
    setUntil((current) => Math.max(current, refused + seconds * 1000));
  }, [problem]);
  const left = secondsLeft(until, now);
  useEffect(() => {
    if (left === 0) return;
    const untilNext = until - now - (left - 1) * 1000;
    const timer = setTimeout(() => setNow(performance.now()), untilNext);
    return () => clearTimeout(timer);
  }, [until, now]);
  return left;
}

/** @param until milliseconds on the clock of `now` */
export function secondsLeft(until: number, now: number): number {
  return Math.max(0, Math.ceil((until - now) / 1000));
}

/** `Try again in 7 s`. Longer waits, as for a daily allowance, are shown without seconds. */
export function waitLabel(seconds: number): string {
  if (seconds < 120) return `Try again in ${seconds}\u00a0s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120
    ? `Try again in ${minutes}\u00a0min`
    : `Try again in ${Math.ceil(minutes / 60)}\u00a0h`;
}
