/** What a run shows of its inside, once its request names insights. */
import type { GenerationView } from "../../state/generation_view.ts";
import { HeatMap } from "./heat_map.tsx";
import { type InsightView, latestMaps } from "../../state/insight_view.ts";
import { formatShare } from "../timeline.tsx";
import { type ChartLine, StepChart } from "./step_chart.tsx";
import { tokenWords } from "./token_chips.tsx";

interface InsightPanelProps {
  readonly view: GenerationView;
  readonly running: boolean;
  /** Runs the form's request with insights. */
  readonly onLook: () => void;
}

export function InsightPanel({ view, running, onLook }: InsightPanelProps) {
  const { insights, plan } = view;
  const shown = plan !== null && plan.insights.names.length > 0;
  return (
    <details class="insights" open={shown}>
      <summary>Inside the run</summary>
      <div class="insights-head">
        <button type="button" class="secondary" disabled={running} onClick={onLook}>
          Look inside
        </button>
        <p class="hint">
          Which words the image looks at, what is shape and what is detail, how hard the text pulls
        </p>
      </div>
      {shown ? <TokenHeatMaps view={view} /> : null}
      {shown ? <Charts insights={insights} steps={plan.num_inference_steps} /> : null}
    </details>
  );
}

function TokenHeatMaps({ view }: { view: GenerationView }) {
  const { insights, plan, image, previews, veiled } = view;
  const maps = latestMaps(insights);
  if (!maps || !plan) return null;
  const words = tokenWords(plan.tokens.prompt);
  const wordAt = (position: number) =>
    words.find(({ token }) => token.position === position)?.word ?? String(position);
  return (
    <div class="heat-maps">
      {maps.tokens.map((map) => (
        <HeatMap
          key={map.position}
          map={map}
          width={maps.width}
          height={maps.height}
          word={wordAt(map.position)}
          picture={image ?? previews.at(-1) ?? null}
          veiled={veiled}
        />
      ))}
    </div>
  );
}

function Charts({ insights, steps }: { insights: InsightView; steps: number }) {
  const { attention, frequency, guidance, attentionSummary, frequencySummary } = insights;
  const convergence = attentionSummary?.convergence ?? null;
  return (
    <div class="step-charts">
      {attention.length === 0 ? null : (
        <StepChart
          title="Attention on"
          steps={steps}
          top={1}
          lines={shareLines(insights)}
          summary={shareSummary(insights)}
        />
      )}
      {convergence === null ? null : (
        <StepChart
          title={convergenceTitle(convergence)}
          steps={steps}
          top={1}
          lines={[line(
            "agreement with the image",
            "first",
            convergence.steps.map((step, i) => [step, convergence.relative_f1[i] ?? null]),
          )]}
          summary={convergenceTitle(convergence)}
        />
      )}
      {frequencySummary === null ? null : (
        <StepChart
          title="Distance from the final image"
          steps={steps}
          lines={(["low", "high"] as const).map((band, i) =>
            line(
              band === "low" ? "shape" : "detail",
              i === 0 ? "first" : "second",
              frequencySummary.variation.map(({ step, x0 }) => [step, x0[band]]),
            )
          )}
          summary={`Of the predicted image, in ${frequency.length} steps`}
        />
      )}
      {guidance.length === 0 ? null : (
        <StepChart
          title="Size of"
          steps={steps}
          lines={[
            line(
              "what the text adds",
              "first",
              guidance.map((event) => [event.step, event.guidance_norm]),
            ),
            line(
              "the rest",
              "third",
              guidance.map((event) => [event.step, event.unconditional_norm]),
            ),
          ]}
          summary={`In ${guidance.length} guided steps`}
        />
      )}
    </div>
  );
}

const CLASSES = [
  { name: "words", class: "semantic", kind: "first" },
  { name: "[EOS]", class: "eos", kind: "second" },
  { name: "[SOS]", class: "sos", kind: "third" },
] as const;

function shareLines({ attention }: InsightView): ChartLine[] {
  return CLASSES.map(({ name, class: of, kind }) =>
    line(name, kind, attention.map(({ step, shares }) => [step, shares[of]]))
  );
}

/** `In the last step 22.8 % on [SOS], …` */
export function shareSummary({ attention }: InsightView): string {
  const last = attention.at(-1);
  if (!last) return "";
  const parts = CLASSES.map(({ name, class: of }) => `${formatShare(last.shares[of])} on ${name}`);
  return `After step ${last.step + 1}: ${parts.join(", ")}`;
}

function convergenceTitle(
  { level, reached }: { readonly level: number; readonly reached: number | null },
): string {
  const share = formatShare(level);
  return reached === null
    ? `Attention never keeps ${share} of its shape`
    : `Attention has ${share} of its shape from step ${reached + 1} on`;
}

function line(
  name: string,
  kind: ChartLine["kind"],
  points: readonly (readonly [step: number, value: number | null])[],
): ChartLine {
  return { name, kind, points: points.map(([step, value]) => ({ step, value })) };
}
