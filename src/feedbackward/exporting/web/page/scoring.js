/** The classes of the pixels, from the outputs of the network. */

import { Refusal } from "./reading.js";

/**
 * The class of each pixel and its probability, from logits that are interpolated bilinearly to the picture's size.
 * @param {Float32Array} logits (classes, rows, columns)
 * @param {number} classes
 * @param {number[]} grid [rows, columns]
 * @param {number[]} used [height, width] of the resized image, in the upper left of the grid
 * @param {number[]} size [height, width] of the picture
 * @returns {{mask: Uint8Array|Uint16Array, confidence: Uint8Array}} (...size); confidence 255 for 1
 */
export function classify(logits, classes, [rows, columns], used, [height, width]) {
  const mask = new (classes > 254 ? Uint16Array : Uint8Array)(height * width);
  const confidence = new Uint8Array(height * width);
  const down = neighbors(used[0], height);
  const across = neighbors(used[1], width);
  const line = new Float32Array(classes * used[1]); // the logits of a row of the picture, at the grid's columns
  const scores = new Float32Array(classes);
  for (let y = 0, to = 0; y < height; y++) {
    const { before, after, part } = down[y];
    for (let index = 0; index < classes; index++) {
      const upper = (index * rows + before) * columns;
      const lower = (index * rows + after) * columns;
      const start = index * used[1];
      for (let x = 0; x < used[1]; x++) line[start + x] = logits[upper + x] * (1 - part) + logits[lower + x] * part;
    }
    for (let x = 0; x < width; x++, to++) {
      const { before, after, part } = across[x];
      let best = 0;
      for (let index = 0; index < classes; index++) {
        const start = index * used[1];
        scores[index] = line[start + before] * (1 - part) + line[start + after] * part;
        if (scores[index] > scores[best]) best = index;
      }
      let total = 0;
      for (let index = 0; index < classes; index++) total += Math.exp(scores[index] - scores[best]);
      if (Number.isNaN(total)) throw new Refusal("The network's logits are not finite, so they choose no classes.");
      mask[to] = best;
      confidence[to] = Math.round(255 / total);
    }
  }
  return { mask, confidence };
}

/** For each pixel of an interpolated axis the two pixels around its center, and the part of the second. */
function neighbors(length, newLength) {
  return Array.from({ length: newLength }, (_, index) => {
    const place = Math.max(0, ((index + 0.5) * length) / newLength - 0.5);
    const before = Math.min(Math.floor(place), length - 1);
    return { before, after: Math.min(before + 1, length - 1), part: place - before };
  });
}

/**
 * The upper left part of a grid.
 * @param {Uint8Array} values (rows, columns)
 * @param {number} columns
 * @param {number[]} size [height, width]
 */
export function crop(values, columns, [height, width]) {
  const part = new Uint8Array(height * width);
  for (let row = 0; row < height; row++) {
    part.set(values.subarray(row * columns, row * columns + width), row * width);
  }
  return part;
}

/** The classes that occur in a mask, with their shares of its pixels. */
export function findClasses(mask, classes) {
  const counts = new Uint32Array(classes.length);
  for (const index of mask) counts[index]++;
  return classes
    .map(({ name, color }, index) => ({ index, name, color, share: counts[index] / mask.length }))
    .filter(({ share }) => share > 0);
}
