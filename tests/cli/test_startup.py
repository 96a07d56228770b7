"""Help and a mistyped option answer without importing torch: the commands import it when the work starts."""

import subprocess
import sys
from typing import get_args

import pytest

from feedbackward.benchmark.names import RUNTIME_NAMES
from feedbackward.benchmark.runtimes import RUNTIMES
from feedbackward.cli.main import COMMANDS
from feedbackward.exporting.formats import FORMATS
from feedbackward.exporting.formats.base import PRECISIONS
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


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"info"}))
def test_help_imports_nothing_heavy(command: str) -> None:
    status, imported, _ = run(command, "--help")
    assert status == 0
    assert imported.isdisjoint(HEAVY)


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"info"}))
def test_a_mistyped_option_imports_nothing_heavy(command: str) -> None:
    status, imported, errors = run(command, "--hepl")
    assert status == 2
    assert errors == "error: unknown option --hepl; did you mean --help?\n"
    assert imported.isdisjoint(HEAVY)


def test_names_that_help_lists_are_those_of_the_code() -> None:
    assert get_args(FormatName) == tuple(FORMATS)
    assert get_args(PrecisionName) == tuple(PRECISIONS)
    assert tuple(RUNTIMES) == RUNTIME_NAMES
