/** Pictures of a mask: its classes in their colors, or the probability of each pixel's class as a heat map. */

/** viridis: dark where the network is unsure. It reads the same without color vision. */
const HEAT = [
  [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142],
  [31, 158, 137], [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37],
];

function heatColor(probability) {
  const place = Math.min(Math.max(probability, 0), 1) * (HEAT.length - 1);
  const low = Math.min(Math.floor(place), HEAT.length - 2);
  return HEAT[low].map((value, band) => Math.round(value + (HEAT[low + 1][band] - value) * (place - low)));
}

/** The heat map's colors as a CSS gradient. */
export const heatGradient = `linear-gradient(to right, ${HEAT.map((color) => `rgb(${color})`).join(", ")})`;

/**
 * Paint each pixel in the color of its class.
 * @param {HTMLCanvasElement} canvas is resized to the mask
 * @param {{mask: Uint8Array|Uint16Array, maskWidth: number, maskHeight: number}} task
 * @param {Map<number, string>} colors of the classes that are painted, "#rrggbb"; all others stay transparent
 */
export function paintClasses(canvas, task, colors) {
  const { mask } = task;
  const painted = lookup(mask, colors);
  paint(canvas, task, (pixels) => {
    for (let at = 0; at < pixels.length; at++) pixels[at] = painted[mask[at]];
  });
}

/**
 * Paint the probability of each pixel's class.
 * @param {HTMLCanvasElement} canvas is resized to the mask
 * @param {{mask: Uint8Array|Uint16Array, confidence: Uint8Array, maskWidth: number, maskHeight: number}} task
 * @param {Map<number, string>} colors of the classes that are painted, "#rrggbb"; all others stay transparent
 */
export function paintConfidence(canvas, task, colors) {
  const { mask, confidence } = task;
  const painted = lookup(mask, colors);
  const heat = Uint32Array.from({ length: 256 }, (_, value) => opaque(heatColor(value / 255)));
  paint(canvas, task, (pixels) => {
    for (let at = 0; at < pixels.length; at++) pixels[at] = painted[mask[at]] && heat[confidence[at]];
  });
}

function paint(canvas, { maskWidth, maskHeight }, fill) {
  canvas.width = maskWidth;
  canvas.height = maskHeight;
  const picture = new ImageData(maskWidth, maskHeight);
  fill(new Uint32Array(picture.data.buffer));
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

function lookup(mask, colors) {
  const table = new Uint32Array(mask instanceof Uint16Array ? 65536 : 256);
  for (const [index, color] of colors) table[index] = opaque(bands(color));
  return table;
}

function bands(color) {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

/** A pixel of ImageData as one number: browsers run on little-endian machines. */
function opaque([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
