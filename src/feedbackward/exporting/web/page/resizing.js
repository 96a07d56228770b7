/** Sizes and resizing of images as in Python, so that the network sees the same values. */

/** Python's round: halves go to the even number. */
function round(number) {
  const floor = Math.floor(number);
  const rest = number - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2) ? floor + 1 : floor;
}

const scaled = (size, factor) => size.map((length) => Math.max(1, round(length * factor)));

/**
 * The [height, width] to which an image is resized for the network.
 * @param {{size?: number[], scale?: number, longest_side?: number, shortest_side?: number}} resize at most one of them
 * @param {number[]} size the image's own
 */
export function outputSize(resize, size) {
  if (resize.size) return resize.size;
  if (resize.scale) return scaled(size, resize.scale);
  if (resize.longest_side) return scaled(size, resize.longest_side / Math.max(...size));
  if (resize.shortest_side) return scaled(size, resize.shortest_side / Math.min(...size));
  return size;
}

/** The largest [height, width] of the same proportions within a number of pixels. */
export function withinPixels([height, width], most) {
  const factor = Math.min(1, Math.sqrt(most / (height * width)));
  return factor < 1 ? [height, width].map((length) => Math.max(1, Math.floor(length * factor))) : [height, width];
}

/** The largest [height, width] of the same proportions within another. */
export function withinSize(size, most) {
  const factor = Math.min(1, most[0] / size[0], most[1] / size[1]);
  return factor < 1 ? scaled(size, factor).map((length, axis) => Math.min(length, most[axis])) : size;
}

/**
 * Resize 8-bit images bilinearly with antialiasing, in the integers of PyTorch (and Pillow): the results are equal.
 * @param {Uint8Array} values (channels, height, width)
 * @param {number} channels
 * @param {number[]} from [height, width]
 * @param {number[]} to [height, width]
 * @returns {Uint8Array} (channels, ...to)
 */
export function resizeImage(values, channels, [height, width], [newHeight, newWidth]) {
  let resized = values;
  if (width !== newWidth) resized = resizeRows(resized, channels * height, width, newWidth);
  if (height !== newHeight) resized = resizeColumns(resized, channels, height, newHeight, newWidth);
  return resized;
}

function resizeRows(values, rows, width, newWidth) {
  const { starts, counts, weights, most, bits } = windows(width, newWidth);
  const resized = new Uint8Array(rows * newWidth);
  const half = 1 << (bits - 1);
  for (let row = 0, to = 0; row < rows; row++) {
    for (let column = 0; column < newWidth; column++) {
      let sum = half;
      const from = row * width + starts[column];
      for (let tap = 0; tap < counts[column]; tap++) sum += values[from + tap] * weights[column * most + tap];
      resized[to++] = Math.min(sum >> bits, 255);
    }
  }
  return resized;
}

function resizeColumns(values, channels, height, newHeight, width) {
  const { starts, counts, weights, most, bits } = windows(height, newHeight);
  const resized = new Uint8Array(channels * newHeight * width);
  const sums = new Int32Array(width);
  for (let row = 0, to = 0; row < channels * newHeight; row++) {
    const channel = Math.floor(row / newHeight);
    const place = row % newHeight;
    sums.fill(1 << (bits - 1));
    for (let tap = 0; tap < counts[place]; tap++) {
      const weight = weights[place * most + tap];
      const from = (channel * height + starts[place] + tap) * width;
      for (let column = 0; column < width; column++) sums[column] += values[from + column] * weight;
    }
    for (let column = 0; column < width; column++) resized[to++] = Math.min(sums[column] >> bits, 255);
  }
  return resized;
}

/** For each pixel of a resized axis the pixels that it covers and their weights, as integers of 16 bits. */
function windows(length, newLength) {
  const scale = length / newLength;
  const support = Math.max(scale, 1);
  const most = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(newLength);
  const counts = new Int32Array(newLength);
  const exact = new Float64Array(newLength * most);
  for (let index = 0; index < newLength; index++) {
    const center = scale * (index + 0.5);
    const start = Math.max(Math.trunc(center - support + 0.5), 0);
    const count = Math.min(Math.trunc(center + support + 0.5), length) - start;
    let total = 0;
    for (let tap = 0; tap < count; tap++) {
      const weight = Math.max(0, 1 - Math.abs((tap + start - center + 0.5) / support));
      exact[index * most + tap] = weight;
      total += weight;
    }
    for (let tap = 0; tap < count; tap++) exact[index * most + tap] /= total;
    starts[index] = start;
    counts[index] = count;
  }
  const largest = exact.reduce((one, other) => Math.max(one, other), 0);
  let bits = 0;
  while (bits < 22 && Math.trunc(0.5 + largest * 2 ** (bits + 1)) < 2 ** 15) bits++;
  return { starts, counts, weights: Int32Array.from(exact, (weight) => Math.trunc(0.5 + weight * 2 ** bits)), most, bits };
}

/**
 * Pad images at the bottom and right by reflection, as NumPy does.
 * @param {Uint8Array} values (channels, height, width)
 * @returns {Uint8Array} (channels, ...to)
 */
export function padImage(values, channels, [height, width], [newHeight, newWidth]) {
  if (height === newHeight && width === newWidth) return values;
  const reflected = (length, newLength) =>
    Int32Array.from({ length: newLength }, (_, place) => {
      const within = length > 1 ? place % (2 * (length - 1)) : 0;
      return within < length ? within : 2 * (length - 1) - within;
    });
  const rows = reflected(height, newHeight);
  const columns = reflected(width, newWidth);
  const padded = new Uint8Array(channels * newHeight * newWidth);
  for (let channel = 0, to = 0; channel < channels; channel++) {
    for (const row of rows) {
      const from = (channel * height + row) * width;
      for (const column of columns) padded[to++] = values[from + column];
    }
  }
  return padded;
}
