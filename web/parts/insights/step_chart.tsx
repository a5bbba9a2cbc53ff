/** Values over the steps of a run, as lines from 0 up. */

export interface ChartLine {
  readonly name: string;
  /** Colour and dash come from the style sheet. */
  readonly kind: "first" | "second" | "third";
  readonly points: readonly { readonly step: number; readonly value: number | null }[];
}

interface StepChartProps {
  readonly title: string;
  readonly steps: number;
  readonly lines: readonly ChartLine[];
  /** The chart's top; by default the greatest value. */
  readonly top?: number;
  /** What the chart says, for screen readers. */
  readonly summary: string;
}

const WIDTH = 240;
const HEIGHT = 72;

export function StepChart({ title, steps, lines, top, summary }: StepChartProps) {
  const values = lines.flatMap(({ points }) => points.map(({ value }) => value ?? 0));
  const highest = top ?? Math.max(...values, Number.MIN_VALUE);
  return (
    <figure class="step-chart">
      <figcaption>{title}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={summary}>
        {lines.map(({ name, kind, points }) => (
          <polyline key={name} class={kind} points={pathOf(points, { steps, highest })} />
        ))}
      </svg>
      <ul>
        {lines.map(({ name, kind }) => <li key={name} class={kind}>{name}</li>)}
      </ul>
    </figure>
  );
}

/** The points of an SVG polyline; steps without a value are left out. */
export function pathOf(
  points: ChartLine["points"],
  { steps, highest }: { readonly steps: number; readonly highest: number },
): string {
  return points.flatMap(({ step, value }) => {
    if (value === null) return [];
    const x = WIDTH * step / Math.max(steps - 1, 1);
    const y = HEIGHT * (1 - Math.min(value / highest, 1));
    return [`${x.toFixed(1)},${y.toFixed(1)}`];
  }).join(" ");
}
