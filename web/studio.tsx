/** The page: one form, one image. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { ModelManifest } from "../contract/model_manifest.ts";
import type { Problem } from "../contract/problem.ts";
import type { ApiClient, RequestBody } from "../client/api_client.ts";
import { Ask } from "./parts/ask.tsx";
import { Comparison } from "./parts/comparison.tsx";
import type { Demo } from "../client/demo.ts";
import { demoDraft } from "./state/demo_draft.ts";
import { fieldError } from "./parts/field.tsx";
import { Gallery } from "./parts/gallery.tsx";
import { type GenerationView, isRunning } from "./state/generation_view.ts";
import { InsightPanel } from "./parts/insights/insight_panel.tsx";
import { Outcome } from "./parts/outcome.tsx";
import { draftQuery, draftRequest, draftSteps, type RequestDraft } from "./state/request_draft.ts";
import { RequestCode } from "./parts/request_code.tsx";
import { Settings } from "./parts/settings.tsx";
import { Stage } from "./parts/stage.tsx";
import { Timeline } from "./parts/timeline.tsx";
import { useDemos } from "./state/use_demos.ts";
import { useGeneration } from "./state/use_generation.ts";
import { useModels } from "./state/use_models.ts";
import { type PlanState, usePlan } from "./state/use_plan.ts";
import { useWait } from "./state/use_wait.ts";

interface StudioProps {
  readonly api: ApiClient;
  readonly initialDraft: RequestDraft;
}

export function Studio({ api, initialDraft }: StudioProps) {
  const [draft, setDraft] = useState(initialDraft);
  const { models, problem: modelsProblem } = useModels(api);
  const manifest = models.find(({ id }) => id === draft.model) ??
    (draft.model === "" ? models[0] : undefined) ?? null;
  const request = useMemo(() => draftRequest(draft, manifest), [draft, manifest]);
  // An empty prompt is a beginning, not a mistake: only running it is refused.
  const planned = usePlan(api, draft.prompt.trim() === "" ? null : request);
  const { view, run, replay, cancel, edited, unveil } = useGeneration(api);
  const demos = useDemos(api);
  const running = isRunning(view);
  const problem = view.problem ?? planned.problem ?? modelsProblem;
  const wait = Math.max(useWait(view.problem), useWait(planned.problem));

  const change = (changes: Partial<RequestDraft>) => {
    setDraft((current) => ({ ...current, ...changes }));
    edited();
  };
  const form = { draft, problem, onChange: change };
  const submit = (asked: RequestBody) => {
    if (wait > 0) return;
    if (planned.problem?.retryable) planned.again();
    run(asked);
  };
  const play = (demo: Demo) => {
    change(demoDraft(demo.plan, models.find(({ id }) => id === demo.plan.model) ?? null));
    replay(demo);
  };
  useQuery(draftQuery(draft));
  useEscape(cancel);
  return (
    <>
      <Masthead />
      <main>
        <form
          class="studio"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            submit(request);
          }}
        >
          <Ask {...form} plan={planned.plan} running={running} wait={wait} onCancel={cancel} />
          <Gallery
            demos={demos}
            shown={view.id}
            disabled={running && !view.replayed}
            onPlay={play}
          />
          <Settings {...form} models={models} manifest={manifest} />
          <div class="result">
            <Stage view={view} onUnveil={unveil} />
            <Outcome
              view={view}
              onKeepSeed={draft.seed === "" ? (seed) => change({ seed: String(seed) }) : null}
            />
            <RunTimeline {...form} manifest={manifest} view={view} planned={planned} />
            <InsightPanel
              view={view}
              running={running || wait > 0}
              onLook={() => submit(lookInside(request, manifest, view.plan?.seed))}
            />
            <Comparison api={api} draft={draft} manifest={manifest} onChange={change} />
            <RequestCode request={request} origin={location.origin} />
          </div>
        </form>
      </main>
    </>
  );
}

interface RunTimelineProps {
  readonly draft: RequestDraft;
  readonly manifest: ModelManifest | null;
  readonly view: GenerationView;
  readonly planned: PlanState;
  readonly problem: Problem | null;
  readonly onChange: (change: Partial<RequestDraft>) => void;
}

function RunTimeline(props: RunTimelineProps) {
  const { draft, manifest, view, planned, problem, onChange } = props;
  return (
    <Timeline
      draft={draft}
      steps={draftSteps(draft, manifest)}
      {...timelineState(view, planned)}
      error={fieldError(problem, "cutoff")}
      swapError={fieldError(problem, "eos_swap.from", "eos_swap.to")}
      onChange={onChange}
    />
  );
}

/** The run as it went while the draft still means it, otherwise the draft's plan. */
function timelineState(view: GenerationView, planned: PlanState) {
  const running = isRunning(view);
  return {
    plan: running || view.plan?.id === planned.plan?.id ? view.plan ?? planned.plan : planned.plan,
    stepsDone: running ? view.stepsDone : null,
    locked: running,
    outdated: !running && planned.problem !== null,
  };
}

/** The request with all insights of the model, and with the drawn seed if the form has none. */
function lookInside(
  request: RequestBody,
  manifest: ModelManifest | null,
  drawnSeed: number | undefined,
): RequestBody {
  const insights = manifest?.insights ?? [];
  return drawnSeed === undefined
    ? { ...request, insights }
    : { seed: drawnSeed, ...request, insights };
}

function Masthead() {
  return (
    <header class="masthead">
      <h1>Shapefirst</h1>
      <p>Text guidance only while the shape is being decided</p>
    </header>
  );
}

const QUERY_DEBOUNCE_MS = 250;

/** Keeps the address bar a link to the form's contents. */
function useQuery(query: string): void {
  useEffect(() => {
    const timer = setTimeout(() => history.replaceState(null, "", `?${query}`), QUERY_DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [query]);
}

function useEscape(action: () => void): void {
  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      if (event.key === "Escape") action();
    };
    addEventListener("keydown", listener);
    return () => removeEventListener("keydown", listener);
  });
}
