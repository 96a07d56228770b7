"""Time of a network in the browser, in WebAssembly on one thread, as a multiple of onnxruntime's in Python on one.

    python benchmarks/browser.py [--size H,W] [--repeats N] [--chromium PROGRAM] [--json FILE]

The page of mobilenetv2_100 with 11 classes is opened in Chromium. Both run the same file, in turns.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from feedbackward import create_model
from feedbackward.cli.parser import height_width
from feedbackward.data import CAMVID
from feedbackward.exporting import export_web
from feedbackward.io import write_json
from feedbackward.machine import describe_machine

ENCODER = "mobilenetv2_100"
OPEN = """async () => {
  const description = await (await fetch("/description.json")).json();
  globalThis.network = await (await import("/page/network.js")).openNetwork(description, "wasm");
  return globalThis.network.threads;
}"""
RUN = """async (size) => {
  const image = Float32Array.from({ length: 3 * size[0] * size[1] }, (_, index) => (index % 251) / 251);
  const start = performance.now();
  await globalThis.network.run(image, size);
  return (performance.now() - start) / 1000;
}"""


def main() -> None:
    """Time both and print the medians and the fastest runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=height_width, default=(256, 512))
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.manual_seed(0)
    network = create_model(ENCODER, classes=len(CAMVID), encoder_weights=None).eval()
    network.class_table = CAMVID
    with tempfile.TemporaryDirectory() as folder:
        export_web(network, Path(folder, "page"))
        with in_chromium(Path(folder, "page"), args.size, args.chromium) as in_browser:
            runs = {"onnxruntime in Python": in_python(Path(folder, "page/network.onnx"), args.size)}
            runs["onnxruntime-web in Chromium"] = in_browser
            seconds = in_turns(runs, args.repeats)
    results = [
        {
            "name": f"{ENCODER} at {args.size[0]}x{args.size[1]}",
            "runtime": name,
            "threads": 1,
            "seconds": statistics.median(times),
            "quartiles": statistics.quantiles(times, n=4)[::2],
            "fastest": min(times),
        }
        for name, times in seconds.items()
    ]
    Console(width=120).print(rendered(results))
    if args.json is not None:
        write_json(args.json, {"machine": describe_machine(), "results": results})


def in_python(file: Path, size: tuple[int, int]) -> Callable[[], float]:
    """Return a function that runs a file on one thread and returns the seconds."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    image = ((np.arange(3 * size[0] * size[1]) % 251) / 251).astype(np.float32).reshape(1, 3, *size)

    def run() -> float:
        start = time.perf_counter()
        session.run(None, {"image": image})
        return time.perf_counter() - start

    return run


@contextmanager
def in_chromium(page_folder: Path, size: tuple[int, int], program: str) -> Iterator[Callable[[], float]]:
    """Open a page; within the context, the function runs its network and returns the seconds."""
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(page_folder))) as server,
        sync_playwright() as driver,
        driver.chromium.launch(executable_path=program, args=["--no-sandbox"]) as browser,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/description.json")
        threads = page.evaluate(OPEN)
        if threads != 1:
            raise RuntimeError(f"the page runs on {threads} threads; expected 1")
        yield lambda: float(page.evaluate(RUN, size))
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


def in_turns(runs: dict[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """The seconds of each function, called in turns; the first call of each is dropped."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            taken = run()
            if repeat:
                seconds[name].append(taken)
    return seconds


def rendered(results: list[dict[str, Any]]) -> Table:
    """The results as a table."""
    table = Table("network", "runtime", "ms", "ratio", "fastest, ms", "ratio")
    for one in results:
        pairs = ((one[key], one[key] / results[0][key]) for key in ("seconds", "fastest"))
        cells = (text for seconds, ratio in pairs for text in (f"{1e3 * seconds:.0f}", f"{ratio:.2f}"))
        table.add_row(one["name"], one["runtime"], *cells)
    return table


if __name__ == "__main__":
    main()
