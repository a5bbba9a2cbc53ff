/** The form's request as a command for a terminal. */
import { useState } from "preact/hooks";
import type { RequestBody } from "../../client/api_client.ts";

export function RequestCode({ request, origin }: { request: RequestBody; origin: string }) {
  const [copied, setCopied] = useState(false);
  const command = curlCommand(request, origin);
  return (
    <details class="request-code" onToggle={() => setCopied(false)}>
      <summary>This request as curl</summary>
      <pre tabIndex={0} aria-label="curl command"><code>{command}</code></pre>
      {/* Only secure origins have a clipboard. */}
      {"clipboard" in navigator
        ? (
          <button
            type="button"
            class="link"
            onClick={() => navigator.clipboard.writeText(command).then(() => setCopied(true))}
          >
            {copied ? "Copied" : "Copy"}
          </button>
        )
        : null}
    </details>
  );
}

/** A POSIX shell command. Each quote inside the JSON ends, escapes and reopens the string. */
export function curlCommand(request: RequestBody, origin: string): string {
  const body = JSON.stringify(request, null, 2).replaceAll("'", `'\\''`);
  return [
    `curl -N ${origin}/v1/generations \\`,
    `  -H 'Accept: text/event-stream' \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d '${body}'`,
  ].join("\n");
}
