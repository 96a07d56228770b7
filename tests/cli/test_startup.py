"""Help and a mistyped option answer without importing torch: the commands import it when the work starts."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from feedbackward.benchmark.names import RUNTIME_NAMES
from feedbackward.benchmark.runtimes import RUNTIMES
from feedbackward.cli.fit_options import Command, known_options
from feedbackward.cli.main import COMMANDS
from feedbackward.exporting.api import DTYPES
from feedbackward.exporting.formats import FORMATS
from feedbackward.exporting.names import FormatName, PrecisionName

HEAVY = {"torch", "torchvision", "timm", "lightning", "torchmetrics", "onnxruntime", "matplotlib"}
SCRIPT = """
import sys
from feedbackward.cli.main import main
try:
    main({args!r})
except SystemExit as exit:
    print(exit.code, *{{name.partition(".")[0] for name in sys.modules}})
else:
    print(0, *{{name.partition(".")[0] for name in sys.modules}})
"""


def run(*args: str) -> tuple[int, set[str], str]:
    """The exit status of a command in a new process, the packages that it imported, and its errors."""
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(args=list(args))], capture_output=True, text=True)
    status, *imported = done.stdout.splitlines()[-1].split()
    return int(status), set(imported), done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_heavy(command: str) -> None:
    status, imported, _ = run(command, "--help")
    assert status == 0
    assert imported.isdisjoint(HEAVY)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistyped_option_imports_nothing_heavy(command: str) -> None:
    if command in get_args(Command) and known_options()["lightning"] != version("lightning"):
        pytest.skip("the options of another version of Lightning are known to its parser alone")
    status, imported, errors = run(command, "--hepl")
    assert status == 2
    assert errors == "error: unknown option --hepl; did you mean --help?\n"
    assert imported.isdisjoint(HEAVY)


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """A folder with one mask of CamVid's classes."""
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / "masks" / "a.png")
    return tmp_path / "masks"


def test_listing_encoders_imports_neither_timm_nor_torch() -> None:
    status, imported, _ = run("encoders", "resnet18")
    assert status == 0
    assert imported.isdisjoint(HEAVY)


def test_drawing_streets_imports_no_torch(tmp_path: Path) -> None:
    arguments = ("--output", str(tmp_path / "set"), "--train", "1", "--val", "0", "--size", "24,48")
    status, imported, _ = run("streets", *arguments)
    assert status == 0
    assert imported.isdisjoint(HEAVY)


def test_scoring_files_imports_torch_and_no_networks(masks: Path) -> None:
    folders = ("--ground-truth", str(masks), "--predictions", str(masks))
    status, imported, _ = run("evaluate", "--dataset", "camvid", *folders, "--workers", "1")
    assert status == 0
    assert imported.isdisjoint(HEAVY - {"torch"})


def test_a_network_is_described_without_the_training_engine() -> None:
    status, imported, _ = run("info", "test_resnet")
    assert status == 0
    assert imported.isdisjoint({"lightning", "torchmetrics", "onnxruntime", "matplotlib"})


def test_names_that_help_lists_are_those_of_the_code() -> None:
    assert get_args(FormatName) == tuple(FORMATS)
    assert get_args(PrecisionName) == tuple(DTYPES)
    assert tuple(RUNTIMES) == RUNTIME_NAMES
