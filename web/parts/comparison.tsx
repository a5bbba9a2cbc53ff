/** One image under the paper's row of cutoffs, side by side, filled in as they are drawn. */
import { useState } from "preact/hooks";
import type { ModelManifest } from "../../contract/model_manifest.ts";
import type { ApiClient } from "../../client/api_client.ts";
import type { RequestDraft } from "../state/request_draft.ts";
import { draftSweep } from "../state/sweep_draft.ts";
import { formatShare } from "./timeline.tsx";
import {
  type BranchView,
  isSweeping,
  type SweepView,
  sweptEvaluations,
} from "../state/sweep_view.ts";
import { useSweep } from "../state/use_sweep.ts";
import { useWait, waitLabel } from "../state/use_wait.ts";

interface ComparisonProps {
  readonly api: ApiClient;
  readonly draft: RequestDraft;
  readonly manifest: ModelManifest | null;
  readonly onChange: (change: Partial<RequestDraft>) => void;
}

export function Comparison({ api, draft, manifest, onChange }: ComparisonProps) {
  const { view, run, cancel } = useSweep(api);
  const request = draft.prompt.trim() === "" ? null : draftSweep(draft, manifest);
  const sweeping = isSweeping(view);
  const wait = useWait(view.problem);
  const onPick = (guided_to: number) => onChange({ guided_from: 0, guided_to });
  return (
    <section class="comparison" aria-label="Comparison of cutoffs">
      <div class="comparison-head">
        <button
          type="button"
          class="secondary"
          disabled={!sweeping && (request === null || wait > 0)}
          onClick={() => sweeping ? cancel() : request && run(request)}
        >
          {sweeping ? "Cancel comparison" : wait > 0 ? waitLabel(wait) : "Compare cutoffs"}
        </button>
        <p class="hint" role="status">{comparisonLine(view)}</p>
        {view.sheetUrl === null
          ? null
          : <a href={view.sheetUrl} target="_blank" rel="noopener">Contact sheet</a>}
      </div>
      {view.branches.length === 0 ? null : (
        <ol class="branches">
          {view.branches.map((branch) => (
            <li key={branch.label}>
              <Branch branch={branch} onPick={onPick} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

interface BranchProps {
  readonly branch: BranchView;
  readonly onPick: (guided_fraction: number) => void;
}

function Branch({ branch, onPick }: BranchProps) {
  const { label, plan, picture, finished, flagged, problem } = branch;
  const { planned, saved } = plan.evaluations;
  const [unveiled, setUnveiled] = useState<string | null>(null);
  const veiled = flagged && unveiled !== plan.id;
  return (
    <button
      type="button"
      class={`branch${finished ? "" : " unfinished"}`}
      title={veiled
        ? "Show the image, which the model’s safety checker flagged"
        : `Take over this cutoff (${label})`}
      onClick={() => veiled ? setUnveiled(plan.id) : onPick(plan.cutoff.guided_fraction)}
    >
      {picture === null ? <span class="awaited" /> : (
        <span class="crop">
          <img
            class={veiled ? "veiled" : ""}
            src={picture.source}
            alt={`${veiled ? "Blurred: " : ""}${plan.prompt}, ${label}`}
          />
        </span>
      )}
      <strong>{label}</strong>
      {veiled ? <span class="cost">Flagged as unsafe: show</span> : null}
      <span class="cost">{problem === null ? `${planned} evaluations` : problem.title}</span>
      <span class="cost">{saved > 0 ? `${formatShare(saved)} saved` : "full guidance"}</span>
    </button>
  );
}

/** What the row of images costs, or why there is none. */
export function comparisonLine(view: SweepView): string {
  const { status, branches, planned, evaluations, cached, problem } = view;
  switch (status) {
    case "idle":
      return "The prompt with the last 0 to 50 % of the steps free of text";
    case "submitted":
      return "Asking…";
    case "running":
      return `${sweptEvaluations(view)} of about ${planned?.together ?? "…"} evaluations`;
    case "canceled":
      return "Canceled";
    case "failed":
      return problem?.detail ?? "Not finished";
    case "completed":
      return cached
        ? "From cache, without an evaluation"
        : `${branches.length} images for ${evaluations?.spent} evaluations, ` +
          `${evaluations?.planned} if run apart`;
  }
}
