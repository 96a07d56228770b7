"""Tries the package that is installed in this Python: its files, and what a newcomer does first.

Usage: python release/try_installed.py SOURCE, the folder of the sources that it was built from.
"""

import subprocess
import sys
import tempfile
from importlib.metadata import files
from pathlib import Path

import numpy as np
from PIL import Image

import feedbackward as fb
from feedbackward.classes import ClassTable


def main(source: Path) -> None:
    """Run all checks.

    Raises:
        SystemExit: If one fails.
    """
    check_files(source)
    with tempfile.TemporaryDirectory() as folder:
        try_commands(Path(folder))


def check_files(source: Path) -> None:
    """Every file of the sources is installed, data files and the license too, and nothing else."""
    package = Path(fb.__file__).parent
    if not package.is_relative_to(sys.prefix):
        raise SystemExit(f"error: {package} is not in {sys.prefix}; install the wheel there")
    installed = {path.as_posix(): path.locate() for path in files("feedbackward") or [] if path.suffix != ".pyc"}
    license_file = next((name for name in installed if name.endswith(".dist-info/licenses/LICENSE")), "no license")
    expected = {
        **{path.relative_to(source / "src").as_posix(): path for path in (source / "src").rglob("*") if path.is_file()},
        license_file: source / "LICENSE",
    }
    found = {name for name in installed if ".dist-info/" not in name and not name.startswith("..")} | {license_file}
    if found != expected.keys():
        raise SystemExit(f"error: the sources and the installed files differ in {sorted(found ^ expected.keys())}")
    changed = [name for name, path in expected.items() if Path(installed[name]).read_bytes() != path.read_bytes()]
    if changed:
        raise SystemExit(f"error: installed files differ from their sources: {changed}")


def try_commands(folder: Path) -> None:
    """Describe, save and use a small network, and print a recipe."""
    network = fb.create_model("test_resnet", classes=3, encoder_weights=None)
    network.class_table = ClassTable(("a", "b", "c"), ((0, 0, 0), (255, 0, 0), (0, 0, 255)))
    network.save_pretrained(folder / "network")
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "image.png")
    run(folder, "info", "network", "--size", "64,64")
    run(folder, "predict", "network", "image.png", "--output", "out")
    run(folder, "fit", "--config", "streets_mobilenetv2", "--print_config")
    (mask,) = (folder / "out" / "masks").glob("*.png")
    with Image.open(mask) as image:
        if image.size != (64, 48):
            raise SystemExit(f"error: predict wrote a mask of {image.size}; expected 64 x 48 pixels")


def run(folder: Path, *arguments: str) -> None:
    """Run the installed command in a folder."""
    command = [str(Path(sys.executable).with_name("feedbackward")), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode or "Traceback" in done.stderr:
        raise SystemExit(f"error: {' '.join(command)} ended with exit code {done.returncode}:\n{done.stderr}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
