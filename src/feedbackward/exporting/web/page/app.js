/** The page of a network that runs in the browser: takes an image and shows the class of every pixel. */

import { listenToInputs } from "./inputs.js";
import { Viewer } from "./viewer.js";

const SHOWN_AFTER = 300; // ms: progress that is over at once would only flicker
const RUNTIMES = { webgpu: "WebGPU", wasm: "WebAssembly" };

const parts = Object.fromEntries([...document.querySelectorAll("[id]")].map((part) => [part.id, part]));
const viewer = new Viewer(parts.viewer);
const worker = new Worker(new URL(`worker.js${location.search}`, import.meta.url), { type: "module" });

let isReady = false;
let asked = 0; // the last image: answers about those before it are dropped
let timer = 0;

start();

async function start() {
  listenToInputs({ ...parts, buttons: document.querySelectorAll("[data-choose]") }, take);
  parts.dismiss.addEventListener("click", () => tell(""));
  worker.addEventListener("message", ({ data }) => receive(data));
  worker.addEventListener("error", (event) => fail(event.message || "a file of the page cannot be loaded"));
  wait("Loading the network");
  const response = await fetch(new URL("../description.json", import.meta.url));
  const { tasks, version, runtime } = await response.json();
  const names = tasks.flatMap(({ classes, background }) => classes.filter((_, index) => index !== background));
  parts.known.textContent = `It knows ${listed([...new Set(names.map(({ name }) => name))])}.`;
  parts.first.hidden = false;
  parts.runtime.title = `feedbackward ${version}, ${runtime}`;
}

function listed(names) {
  const shown = names.length > 12 ? [...names.slice(0, 11), `${names.length - 11} more`] : names;
  return new Intl.ListFormat("en").format(shown);
}

function take(files) {
  const [file, ...others] = files;
  tell(others.length ? `One image at a time: ${file.name} was taken, the other ${others.length} not.` : "");
  worker.postMessage({ id: ++asked, file, name: file.name });
  wait(isReady ? `Segmenting ${file.name}` : `Loading the network for ${file.name}`);
}

function receive(answer) {
  if (answer.kind === "failed") fail(answer.message);
  if (answer.kind === "ready") ready(answer);
  if (answer.id !== asked) return;
  wait("");
  if (answer.kind === "refused") tell(answer.message);
  else show(answer);
}

function ready({ provider, threads, note }) {
  isReady = true;
  const threaded = provider === "wasm" && threads > 1 ? ` with ${threads} threads` : "";
  parts.runtime.textContent = sentence(`It runs on ${RUNTIMES[provider]}${threaded}${note ? `: ${note}` : ""}`);
  if (!asked) wait("");
}

function show({ name, image, width, height, seen, isReduced, tasks, seconds }) {
  const facts = [`${width} × ${height}`];
  if (isReduced) facts.push(`reduced to ${seen[1]} × ${seen[0]} for the network`);
  facts.push(`${time(seconds.total)} s, the network ${time(seconds.network)} s`);
  parts.name.textContent = name;
  parts.facts.textContent = facts.join(" · ");
  document.title = `${name} · feedbackward`;
  parts.empty.hidden = true;
  parts.shown.hidden = parts.another.hidden = false;
  viewer.show({ image, width, height, name, tasks });
}

const sentence = (text) => text.replace(/[.\s]*$/, ".");
const time = (seconds) => (seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1));

function fail(message) {
  wait("");
  tell(`The network cannot be loaded: ${sentence(message)}`);
}

/** Say what the page waits for; "" for nothing. */
function wait(text) {
  clearTimeout(timer);
  parts["progress-text"].textContent = text;
  if (!text) parts.progress.hidden = true;
  else timer = setTimeout(() => (parts.progress.hidden = false), SHOWN_AFTER);
}

/** Show a message until the next image is taken; "" for none. */
function tell(text) {
  parts["message-text"].textContent = text;
  parts.message.hidden = !text;
}
