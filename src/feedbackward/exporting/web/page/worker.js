/**
 * Segments images away from the page's own thread.
 *
 * It is started with the query ?runtime=webgpu or ?runtime=wasm, or none. It sends {kind: "ready", provider, threads, note} or
 * {kind: "failed", message}, and answers {id, file, name} by {id, kind: "result", ...} or {id, kind: "refused", message}.
 */

import { openNetwork } from "./network.js";
import { readImage, Refusal } from "./reading.js";
import { outputSize, padImage, resizeImage, withinPixels, withinSize } from "./resizing.js";
import { classify, crop, findClasses } from "./scoring.js";

const MOST_PIXELS = 1024 * 2048; // of the image that the network sees: browsers have little memory

const opening = open();
opening.then(
  ({ network: { provider, threads, note } }) => postMessage({ kind: "ready", provider, threads, note }),
  (error) => postMessage({ kind: "failed", message: error.message }),
);

async function open() {
  const description = await (await fetch(new URL("../description.json", import.meta.url))).json();
  const wanted = new URL(import.meta.url).searchParams.get("runtime");
  return { description, network: await openNetwork(description, wanted) };
}

let last = Promise.resolve(); // one image at a time

onmessage = ({ data: { id, file, name } }) => {
  last = last.then(async () => {
    try {
      const result = await segment(await opening, file, name);
      const buffers = result.tasks.flatMap(({ mask, confidence }) => [mask.buffer, ...(confidence ? [confidence.buffer] : [])]);
      postMessage({ id, kind: "result", name, ...result }, [result.image, ...buffers]);
    } catch (error) {
      const message = error instanceof Refusal ? error.message : `${name} could not be segmented: ${error.message}`;
      postMessage({ id, kind: "refused", message });
    }
  });
};

async function segment({ description: { input, output, tasks }, network }, file, name) {
  const began = performance.now();
  const { bitmap, values, height, width } = await readImage(file, name, input.channels);
  const channels = values.length / (height * width);
  const own = [height, width];
  const asked = outputSize(input.resize, own);
  const seen = input.size ? withinSize(asked, input.size) : withinPixels(asked, MOST_PIXELS);
  const padded = input.size ?? seen.map((length) => Math.max(length, input.smallest));
  const image = padImage(resizeImage(values, channels, own, seen), channels, seen, padded);
  const started = performance.now();
  const outputs = await network.run(Float32Array.from(image, (value) => value / 255), padded);
  const ended = performance.now();
  const found = tasks.map(({ name: task, output: key, classes, background }) => {
    const isLogits = output === "logits";
    const { mask, confidence } = isLogits
      ? classify(outputs[key], classes.length, padded, seen, own)
      : { mask: crop(outputs[key], padded[1], seen), confidence: null };
    const [maskHeight, maskWidth] = isLogits ? own : seen;
    return { name: task, background, classes: findClasses(mask, classes), mask, maskWidth, maskHeight, confidence };
  });
  const seconds = { total: (performance.now() - began) / 1000, network: (ended - started) / 1000 };
  const isReduced = seen.some((length, axis) => length < asked[axis]);
  return { image: bitmap, width, height, seen, isReduced, tasks: found, seconds };
}
