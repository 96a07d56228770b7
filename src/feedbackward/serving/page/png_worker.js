/** The worker of png.js: gets a file, answers with its size and values. */

onmessage = async ({ data: file }) => {
  try {
    const picture = await decode(file);
    postMessage({ picture }, [picture.values.buffer]);
  } catch (error) {
    postMessage({ error: error.message });
  }
};

async function decode(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const view = new DataView(bytes.buffer);
  const [width, height, depth, color, interlaced] = [
    view.getUint32(16), view.getUint32(20), bytes[24], bytes[25], bytes[28],
  ];
  if (view.getUint32(0) !== 0x89504e47 || color !== 0 || interlaced || (depth !== 8 && depth !== 16)) {
    throw new Error("expected a gray PNG of 8 or 16 bits");
  }
  const size = depth / 8;
  const values = unfilter(await inflate(dataOf(bytes, view)), width * size, height, size);
  return { width, height, values: size === 1 ? values : bigEndian(values) };
}

function dataOf(bytes, view) {
  const parts = [];
  for (let at = 8; at < bytes.length; at += 12 + view.getUint32(at)) {
    const isData = view.getUint32(at + 4) === 0x49444154; // IDAT
    if (isData) parts.push(bytes.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  return new Blob(parts);
}

async function inflate(blob) {
  const stream = blob.stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Undo the filters of https://www.w3.org/TR/png-3/#9Filters; length is that of a row, size that of a pixel, in bytes. */
function unfilter(rows, length, height, size) {
  const values = new Uint8Array(length * height);
  let above = new Uint8Array(length);
  for (let row = 0; row < height; row++) {
    const from = row * (length + 1);
    const kind = rows[from];
    const filtered = rows.subarray(from + 1, from + 1 + length);
    const now = values.subarray(row * length, (row + 1) * length);
    for (let at = 0; at < length; at++) {
      const left = at < size ? 0 : now[at - size];
      const corner = at < size ? 0 : above[at - size];
      now[at] = filtered[at] + (kind === 0 ? 0 : predicted(kind, left, above[at], corner));
    }
    above = now;
  }
  return values;
}

function predicted(kind, left, above, corner) {
  if (kind === 1) return left;
  if (kind === 2) return above;
  if (kind === 3) return (left + above) >> 1;
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

function bigEndian(bytes) {
  const values = new Uint16Array(bytes.length / 2);
  for (let at = 0; at < values.length; at++) values[at] = (bytes[2 * at] << 8) | bytes[2 * at + 1];
  return values;
}
