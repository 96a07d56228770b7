/** The network in onnxruntime-web: on WebGPU where there is one, otherwise in WebAssembly. */

import { Refusal } from "./reading.js";

const place = (path) => new URL(`../${path}`, import.meta.url).href;

/**
 * @param {{input: object}} description
 * @param {string|null} wanted "webgpu" or "wasm"; null for the better one
 */
export async function openNetwork(description, wanted) {
  const gpu = await findGpu();
  if (wanted === "webgpu" && !gpu) throw new Refusal("This browser offers no WebGPU.");
  if (wanted !== "wasm" && (gpu === "hardware" || wanted === "webgpu")) {
    try {
      return await open("webgpu", description);
    } catch (error) {
      if (wanted) throw error;
      return { ...(await open("wasm", description)), note: `WebGPU failed with ${error.message}` };
    }
  }
  return open("wasm", description);
}

/** "hardware", "software", which is slower than WebAssembly, or null. */
async function findGpu() {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  if (!adapter) return null;
  return adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter ? "software" : "hardware";
}

async function open(provider, { input }) {
  const ort = await import(place(`runtime/${provider}.js`));
  const { wasm } = ort.env;
  ort.env.logLevel = "error";
  wasm.wasmPaths = { mjs: place(`runtime/${provider}-module.js`), wasm: place(`runtime/${provider}.wasm`) };
  // Threads need shared memory, which browsers allow to pages that are isolated by their headers.
  if (!crossOriginIsolated) wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(place("network.onnx"), { executionProviders: [provider] });

  /** Run it on an image (channels, height, width) in [0, 1]; returns the values of each output by its name. */
  const run = async (values, [height, width]) => {
    const channels = values.length / (height * width);
    const image = new ort.Tensor("float32", values, [1, channels, height, width]);
    const outputs = await session.run({ [input.name]: image });
    const read = await Promise.all(
      Object.entries(outputs).map(async ([name, tensor]) => {
        const data = await tensor.getData();
        tensor.dispose();
        return [name, data];
      }),
    );
    return Object.fromEntries(read);
  };
  if (provider === "webgpu") {
    // What its driver cannot do shows now, and the shaders are compiled.
    const size = input.size ?? [input.smallest, input.smallest];
    await run(new Float32Array((input.channels === "gray" ? 1 : 3) * size[0] * size[1]), size);
  }
  return { run, provider, threads: wasm.numThreads };
}
