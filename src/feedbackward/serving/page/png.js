/** Reads gray PNG files exactly: a canvas would reduce 16 bits to 8, and some browsers change what is read from one. */

/**
 * Decode in a worker, so that the page answers meanwhile.
 * @param {Blob} file a gray PNG of 8 or 16 bits, not interlaced
 * @returns {Promise<{width: number, height: number, values: Uint8Array|Uint16Array}>} values row by row
 */
export function readGrayPng(file) {
  const worker = new Worker(new URL("png_worker.js", import.meta.url), { type: "module" });
  const answer = new Promise((resolve, reject) => {
    worker.onmessage = ({ data: { picture, error } }) => (picture ? resolve(picture) : reject(new Error(error)));
    worker.onerror = () => reject(new Error("the decoder of PNG files could not be started"));
    worker.postMessage(file);
  });
  return answer.finally(() => worker.terminate());
}
