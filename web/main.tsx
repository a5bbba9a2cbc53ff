/** Entry of the page. */
import { render } from "preact";
import { createApiClient } from "../client/api_client.ts";
import { parseDraftQuery } from "./state/request_draft.ts";
import { Studio } from "./studio.tsx";

const root = document.getElementById("studio");
if (root) {
  render(<Studio api={createApiClient()} initialDraft={parseDraftQuery(location.search)} />, root);
}
