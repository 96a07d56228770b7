"""`import feedbackward` and its packages import nothing heavy; each public name is imported on first use."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import feedbackward as fb

PACKAGES = ["data", "explaining", "exporting", "losses", "metrics", "models", "segmenters", "streets", "training"]
REFERENCE = Path(__file__).parents[1] / "docs" / "reference.md"


def imported_by(code: str) -> set[str]:
    """The top-level modules that a new process has imported after running the code."""
    script = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(finished.stdout.split())


def test_importing_the_packages_imports_nothing_heavy() -> None:
    code = "\n".join(["import feedbackward", *(f"import feedbackward.{package}" for package in PACKAGES)])
    assert imported_by(code).isdisjoint({"torch", "torchvision", "timm", "lightning", "torchmetrics", "numpy"})


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_of_a_package_can_be_imported(package: str) -> None:
    module = import_module(f"feedbackward.{package}")
    assert dir(module) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match=f"module 'feedbackward.{package}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018


def test_every_name_of_the_library_exists_and_is_documented() -> None:
    assert dir(fb) == sorted(fb.__all__)
    pages = REFERENCE.read_text(encoding="utf-8")
    for name in fb.__all__:
        assert getattr(fb, name) is not None
        assert name == "__version__" or f"::: feedbackward.{name}\n" in pages, name
    with pytest.raises(AttributeError, match="module 'feedbackward' has no attribute 'nothing'"):
        fb.nothing  # noqa: B018


@pytest.mark.parametrize(
    "code",
    [
        "import feedbackward as fb; import feedbackward.exporting; assert callable(fb.export)",
        "import feedbackward as fb; fb.export; import feedbackward.exporting; assert callable(fb.export)",
        "import feedbackward.metrics.functional; import feedbackward as fb; assert fb.metrics is feedbackward.metrics",
    ],
)
def test_a_name_is_the_same_whatever_was_imported_before(code: str) -> None:
    imported_by(code)
