/** The page of `feedbackward app`: takes an image, asks the server and shows the result. */

import { explain, fetchBlob, forget, offers, Refusal, segment } from "./api.js";
import { showDownloads } from "./downloads.js";
import { Explanation } from "./explanation.js";
import { listenToInputs } from "./inputs.js";
import { element, shareText } from "./legend.js";
import { readGrayPng } from "./png.js";
import { Viewer } from "./viewer.js";

const SHOWN_AFTER = 300; // ms: progress that is over at once would only flicker
const STAGES = { decoding: "Reading", loading: "Loading the model for" }; // otherwise: Segmenting
const KINDS = { network: "Networks", adapter: "Adapters", adapters: "Several adapters at once" };

const parts = Object.fromEntries([...document.querySelectorAll("[id]")].map((part) => [part.id, part]));
const viewer = new Viewer(parts.viewer);
const downloads = element("div", "card");
const explained = element("div", "card");
const below = element("div", "below");
viewer.panel.append(downloads);
viewer.root.append(below);
below.append(explained);
const explanation = new Explanation(explained, ({ x, y, task }) => {
  return explain(shown.id, { x, y, task: shown.tasks.findIndex(({ name }) => name === task) });
});

let offered = { models: [], samples: [], limits: { bytes: Infinity } };
let input = null; // {blob, name}: segmented again by another model
let shown = null; // the result
let running = null; // an AbortController

async function start() {
  offered = await offers();
  const kinds = Map.groupBy(offered.models, ({ kind }) => kind);
  for (const [kind, models] of kinds) {
    const options = models.map(({ id, title }) => new Option(title, id));
    if (kinds.size === 1) parts.model.append(...options);
    else {
      const group = document.createElement("optgroup");
      group.label = KINDS[kind];
      group.append(...options);
      parts.model.append(group);
    }
  }
  parts["sample-list"].append(...offered.samples.map(sampleRow));
  showSamples();
}

function sampleRow({ title, url }) {
  const row = element("li");
  const button = element("button", "sample");
  button.type = "button";
  const image = new Image();
  image.src = url;
  image.alt = "";
  button.append(image, element("span", "", title));
  button.addEventListener("click", () => attempt(async () => run({ blob: await fetchBlob(url), name: title })));
  row.append(button);
  return row;
}

/** The samples are streets: they say nothing about a network without roads. The classes are known once it is loaded. */
function showSamples() {
  const model = offered.models.find(({ id }) => id === parts.model.value);
  const names = model?.tasks?.flatMap((task) => task.classes.map(({ name }) => name.toLowerCase()));
  const isFitting = names ? names.includes("road") : model?.kind === "network";
  parts.samples.hidden = parts["or-sample"].hidden = !isFitting || !offered.samples.length;
}

async function takeFiles([file, ...others]) {
  if (file.size > offered.limits.bytes) {
    tell(`${file.name} has ${megabytes(file.size)} MB; at most ${megabytes(offered.limits.bytes)} MB are taken.`);
    return;
  }
  const running = run({ blob: file, name: file.name });
  if (others.length) tell(`One image at a time: ${file.name} is taken, the other ${others.length} are not.`);
  await running;
}

/** Segment an input and show the result; whatever happens, the result before it stays until then. */
async function run(next) {
  running?.abort();
  const controller = new AbortController();
  running = controller;
  tell("");
  const { signal } = controller;
  const timer = setTimeout(() => {
    parts.progress.hidden = false;
    parts.status.textContent = parts["progress-text"].textContent;
  }, SHOWN_AFTER);
  showProgress(next.name, "decoding");
  await attempt(async () => {
    const onProgress = (stage, progress) => running === controller && showProgress(next.name, stage, progress);
    const result = await segment({ ...next, model: parts.model.value }, onProgress, signal);
    const show = await (result.kind === "video" ? prepareVideo(result) : preparePicture(result, signal));
    if (signal.aborted) return forget(result.id);
    show();
    if (shown) forget(shown.id);
    shown = result;
    input = next;
    if (!offered.models.every(({ tasks }) => tasks)) offered = await offers();
  });
  clearTimeout(timer);
  if (running !== controller) return;
  running = null;
  parts.progress.hidden = true;
  if (shown) parts.model.value = shown.model; // of what is seen, also where another model failed
  showSamples();
}

async function preparePicture(result, signal) {
  const [image, ...tasks] = await Promise.all([
    fetchBlob(result.image, signal).then((blob) => createImageBitmap(blob)),
    ...result.tasks.map(async (task) => {
      const mask = await readGrayPng(await fetchBlob(task.mask, signal));
      const confidence = task.confidence && (await readGrayPng(await fetchBlob(task.confidence, signal))).values;
      return { ...task, mask: mask.values, maskWidth: mask.width, maskHeight: mask.height, confidence };
    }),
  ]);
  return () => {
    const { total, network } = result.seconds;
    caption(result, `${seconds(total)} s, of which the network ${seconds(network)} s`);
    switchTo(parts.viewer);
    parts.video.removeAttribute("src");
    viewer.show({ image, width: result.width, height: result.height, name: result.name, tasks });
  };
}

function prepareVideo(result) {
  return () => {
    caption(result, `${result.frames} frames · ${seconds(result.seconds.total)} s`);
    switchTo(parts.film);
    parts.video.src = result.video;
    showDownloads(parts["film-downloads"], { video: result.downloads.overlays });
  };
}

function switchTo(view) {
  for (const other of [parts.viewer, parts.film]) other.hidden = other !== view;
  const place = view === parts.viewer ? below : view;
  if (parts.samples.parentElement !== place) place.append(parts.samples);
}

function caption(result, facts) {
  parts.name.textContent = result.name;
  parts.facts.textContent = `${result.width} × ${result.height} · ${facts}`;
  document.title = `${result.name} · feedbackward`;
  const classes = result.tasks.flatMap((task) => task.classes).filter(({ share }) => share > 0);
  const shares = classes.map(({ name, share }) => `${name} ${shareText(share)}`);
  parts.status.textContent = `${result.name} is segmented. ${shares.join(", ")}`;
  const isFirst = parts.shown.hidden;
  parts.empty.hidden = true;
  parts.shown.hidden = parts.another.hidden = false;
  if (isFirst) parts.name.focus(); // what had the focus may be gone
}

function showProgress(name, stage, progress) {
  const text = `${STAGES[stage] ?? "Segmenting"} ${name}`;
  if (parts["progress-text"].textContent !== text) parts["progress-text"].textContent = text;
  if (progress > 0) parts["progress-bar"].value = progress;
  else parts["progress-bar"].removeAttribute("value");
}

/** Show a message until the next image is taken; "" for none. */
function tell(text) {
  parts["message-text"].textContent = text;
  parts.message.hidden = !text;
}

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    if (error.name === "AbortError") return;
    tell(error instanceof Refusal ? error.message : `This page failed: ${error.message}`);
    if (!(error instanceof Refusal)) throw error;
  }
}

const megabytes = (bytes) => Math.ceil(bytes / 1e6).toLocaleString("en");
const seconds = (number) => (number < 10 ? number.toFixed(2) : number.toFixed(1));

if (!["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) {
  parts.privacy.textContent = `Your images are sent to ${location.hostname} alone, and deleted when you close the page.`;
}
const buttons = document.querySelectorAll("[data-choose]");
listenToInputs({ chooser: parts.chooser, target: parts.target, buttons }, takeFiles);
parts.viewer.addEventListener("task", () => {
  showDownloads(downloads, viewer.task.downloads, () => viewer.opacity);
  explanation.clear();
});
parts.viewer.addEventListener("pick", ({ detail }) => explanation.choose(detail));
parts.model.addEventListener("change", () => (input ? run(input) : showSamples()));
parts.cancel.addEventListener("click", () => running?.abort());
parts.dismiss.addEventListener("click", () => {
  tell("");
  parts.main.focus(); // the button is gone
});
addEventListener("pagehide", ({ persisted }) => {
  if (shown && !persisted) forget(shown.id);
});
attempt(start);
