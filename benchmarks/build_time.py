"""Time to trace and transpose an encoder, relative to the time to create the encoder, on one core.

The encoders are on the meta device: only the work on modules and graphs is timed, no weights are initialized.

    python benchmarks/build_time.py [--encoders NAME,NAME] [--repeats N] [--json FILE]
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import timm
import torch
from rich.console import Console
from rich.table import Table

from feedbackward.decoder_config import DecoderConfig
from feedbackward.models import create_encoder
from feedbackward.models.catalog import catalog
from feedbackward.transform import trace, transpose

LIMITS = {"resnet50": 2.0}
"""Seconds that tracing and transposing may take; ten for all other encoders."""


def main() -> None:
    """Build each network several times and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoders", default=",".join(default_encoders()))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    results = {name: measure(name, args.repeats) for name in args.encoders.split(",")}
    table = Table()
    for header in (
        "encoder",
        "nodes",
        "encoder alone, s",
        "trace, s",
        "transpose, s",
        "both, s",
        "relative to the encoder",
    ):
        table.add_column(header, justify="left" if header == "encoder" else "right")
    for name, result in results.items():
        cells = (f"{result[key]:.2f}" for key in ("create", "trace", "transpose", "build", "ratio"))
        table.add_row(name, f"{result['nodes']:,}", *cells)
    Console(width=120).print(table)
    if args.json:
        args.json.write_text(json.dumps({"torch": torch.__version__, "timm": timm.__version__, "networks": results}))
    slow = [name for name, result in results.items() if result["build"] > LIMITS.get(name, 10.0)]
    if slow:
        raise SystemExit(f"over the limit: {', '.join(slow)}")


def default_encoders() -> list[str]:
    """resnet50, the encoders with the most encoder and the most decoder parameters, and nfnet_f7, the deepest."""
    records = [record for record in catalog().encoders if record.supported]
    largest = max(records, key=lambda record: record.encoder_parameters)
    widest = max(records, key=lambda record: record.decoder_parameters or 0)
    return list(dict.fromkeys(["resnet50", largest.name, widest.name, "nfnet_f7"]))


def measure(name: str, repeats: int) -> dict[str, float]:
    """Number of nodes, median seconds of each stage, and tracing and transposing relative to the encoder."""
    times: dict[str, list[float]] = {"create": [], "trace": [], "transpose": []}
    nodes = 0
    for _ in range(repeats):
        with torch.device("meta"):
            start = time.perf_counter()
            encoder = create_encoder(name, weights=None, in_channels=3)
            times["create"].append(time.perf_counter() - start)
            start = time.perf_counter()
            traced = trace(encoder)
            times["trace"].append(time.perf_counter() - start)
            start = time.perf_counter()
            decoder_graph = transpose(traced, DecoderConfig(retrace="all"))
            times["transpose"].append(time.perf_counter() - start)
        nodes = len(decoder_graph.graph.nodes)
    medians = {key: statistics.median(values) for key, values in times.items()}
    build = statistics.median(a + b for a, b in zip(times["trace"], times["transpose"], strict=True))
    return {"nodes": nodes, **medians, "build": build, "ratio": build / medians["create"]}


if __name__ == "__main__":
    main()
