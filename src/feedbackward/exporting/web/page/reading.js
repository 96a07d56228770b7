/** Reading images as the network takes them. */

/** The reason that an image is not taken, for people. */
export class Refusal extends Error {}

const MOST_PIXELS = 100e6;
const BAND = 1 << 22; // pixels: some browsers have no larger canvas

/**
 * @param {Blob} file
 * @param {string} name for messages
 * @param {"RGB"|"gray"} channels
 * @returns {Promise<{bitmap: ImageBitmap, values: Uint8Array, height: number, width: number}>} values (channels, height, width)
 */
export async function readImage(file, name, channels) {
  if (!file.size) throw new Refusal(`${name} is empty.`);
  let bitmap;
  try {
    // Values as in the file, turned upright by its EXIF data.
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Refusal(`This browser cannot read ${name}: it is damaged, or not an image. Try a JPEG, PNG or WebP file.`);
  }
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) {
    throw new Refusal(`${name} has ${Math.round((width * height) / 1e6)} megapixels; at most ${MOST_PIXELS / 1e6} are taken.`);
  }
  const pixels = bandsOf(bitmap);
  const values = channels === "gray" ? takeGray(pixels, width * height, name) : takeColors(pixels, width * height, name);
  return { bitmap, values, height, width };
}

/** The RGBA values of an image, in bands of rows. */
function* bandsOf(bitmap) {
  const rows = Math.max(1, Math.floor(BAND / bitmap.width));
  const canvas = new OffscreenCanvas(bitmap.width, Math.min(rows, bitmap.height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  for (let top = 0; top < bitmap.height; top += canvas.height) {
    const height = Math.min(canvas.height, bitmap.height - top);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, -top);
    yield context.getImageData(0, 0, canvas.width, height).data;
  }
}

function takeColors(bands, count, name) {
  const values = new Uint8Array(3 * count);
  let to = 0;
  for (const rgba of bands) {
    for (let from = 0; from < rgba.length; from += 4, to++) {
      values[to] = rgba[from];
      values[count + to] = rgba[from + 1];
      values[2 * count + to] = rgba[from + 2];
      if (rgba[from + 3] !== 255) throw transparent(name);
    }
  }
  return values;
}

function takeGray(bands, count, name) {
  const values = new Uint8Array(count);
  let to = 0;
  for (const rgba of bands) {
    for (let from = 0; from < rgba.length; from += 4) {
      if (rgba[from] !== rgba[from + 1] || rgba[from] !== rgba[from + 2]) {
        throw new Refusal(`${name} has colors, and this network takes gray images.`);
      }
      if (rgba[from + 3] !== 255) throw transparent(name);
      values[to++] = rgba[from];
    }
  }
  return values;
}

const transparent = (name) => new Refusal(`${name} has transparent pixels, which this network cannot take. Save it without transparency.`);
