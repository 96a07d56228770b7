/** The server's API, as docs/serve.md and /openapi.json describe it. */

const GONE = "The server does not answer. Is the command still running in its terminal?";

/** What the user is told: a line of the server, or of this file. */
export class Refusal extends Error {}

/** @returns {Promise<{models: object[], samples: object[], limits: object}>} */
export async function offers() {
  return (await answer("/api/models")).json();
}

/** @returns {Promise<Blob>} */
export async function fetchBlob(url, signal) {
  return (await answer(url, { signal })).blob();
}

/**
 * Segment an image or a video.
 * @param {{model: string, name: string, blob: Blob}} input
 * @param {(stage: string, progress: number) => void} onProgress
 * @param {AbortSignal} signal
 */
export async function segment({ model, name, blob }, onProgress, signal) {
  const response = await answer(`/api/segment?${new URLSearchParams({ model, name })}`, {
    method: "POST",
    headers: { Accept: "application/x-ndjson" },
    body: blob,
    signal,
  });
  for await (const { stage, progress, result, error } of lines(response.body)) {
    if (error) throw new Refusal(error);
    if (result) return result;
    onProgress(stage, progress);
  }
  throw new Refusal(GONE);
}

/** Explain a pixel of a result: GET /api/results/ID/explain. */
export async function explain(id, { task, x, y }) {
  return (await answer(`/api/results/${id}/explain?${new URLSearchParams({ task, x, y })}`)).json();
}

/** Delete a result on the server; what cannot be deleted ends with the session. */
export function forget(id) {
  fetch(`/api/results/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});
}

async function answer(url, options) {
  const response = await fetch(url, options).catch((error) => {
    throw error.name === "AbortError" ? error : new Refusal(GONE);
  });
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  throw new Refusal(error ?? `The server answered ${response.status} ${response.statusText}.`);
}

async function* lines(body) {
  let rest = "";
  for await (const text of chunks(body.pipeThrough(new TextDecoderStream()))) {
    const parts = (rest + text).split("\n");
    rest = parts.pop();
    yield* parts.filter(Boolean).map((line) => JSON.parse(line));
  }
  if (rest.trim()) yield JSON.parse(rest);
}

/** Safari's streams cannot be iterated. */
async function* chunks(stream) {
  const reader = stream.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  } catch (error) {
    throw error.name === "AbortError" ? error : new Refusal(GONE);
  }
}
