"""Export of a network as a static page: the ONNX file, the page that runs it, and the runtime."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from feedbackward.exporting.api import Report, export
from feedbackward.exporting.metadata import describe
from feedbackward.exporting.names import DESCRIPTION, PrecisionName
from feedbackward.exporting.web.description import check_suitable, describe_for_page
from feedbackward.exporting.web.runtime import PACKAGE, VERSION, copy_runtime, find_runtime
from feedbackward.io import check_writable, nearest_existing, write_json
from feedbackward.viz.pages import VIEWER

if TYPE_CHECKING:
    from feedbackward.models import OptimizedNetwork, SegmentationNetwork, TaskNetwork

NETWORK, INDEX = "network.onnx", "index.html"
_PAGE = Path(__file__).with_name("page")


def export_web(
    network: "SegmentationNetwork | OptimizedNetwork | TaskNetwork",
    folder: str | Path,
    *,
    argmax: bool = False,
    size: tuple[int, int] | None = None,
    precision: PrecisionName = "fp32",
    tolerance: float | None = None,
    runtime: Path | None = None,
) -> Report:
    """Export a network as a page that segments images in the browser, for any server of files.

    The browser runs the file of `export` with onnxruntime-web, on WebGPU where there is one, otherwise in WebAssembly.
    Images are read, resized and padded as by `feedbackward predict`, and never leave the page.

    Args:
        network: The network; it is not modified.
        folder: The folder to write; files of the page that are there already are replaced.
        argmax: Export the class of each pixel, instead of logits: the page then shows no probabilities.
        size: A fixed height and width of the images, or None for any.
        precision: "fp32", or "fp16" for weights of half the size.
        tolerance: As for `export`.
        runtime: The unpacked npm package onnxruntime-web; by default npm downloads it once into the user's cache.

    Raises:
        InputError: As `export`; or if the network takes images that browsers do not decode, its classes have no names,
            or the runtime's files are not available. Nothing is written then.

    Example:
        >>> export_web(load_network("runs/camvid/model"), "camvid_page").size  # doctest: +SKIP
        50390125
    """
    folder = Path(folder)
    check_suitable(network, argmax=argmax)
    check_writable(nearest_existing(folder), what=f"the page {folder}")
    source = find_runtime(runtime)
    with tempfile.TemporaryDirectory(dir=nearest_existing(folder), prefix=".exporting-") as temporary:
        draft = Path(temporary)
        report = export(network, draft / NETWORK, argmax=argmax, size=size, precision=precision, tolerance=tolerance)
        metadata = describe(network, argmax=argmax, size=size)
        write_json(draft / DESCRIPTION, describe_for_page(metadata, runtime=f"{PACKAGE} {VERSION}"))
        copy_runtime(source, draft / "runtime")
        shutil.copytree(_PAGE, draft / "page", ignore=shutil.ignore_patterns(INDEX))
        shutil.copytree(VIEWER, draft / "page", dirs_exist_ok=True)
        shutil.copyfile(_PAGE / INDEX, draft / INDEX)
        files = _move(draft, folder)
    return Report(files, sum(file.stat().st_size for file in files), report.parameters, report.differences)


def _move(draft: Path, folder: Path) -> tuple[Path, ...]:
    """Move the files into the folder, the page itself last, and return their paths."""
    names = sorted(path.relative_to(draft) for path in draft.rglob("*") if path.is_file())
    names.sort(key=lambda name: name == Path(INDEX))
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (draft / name).replace(target)
    return tuple(folder / name for name in names)
