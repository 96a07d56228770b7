"""The reference has every public name of the package and of its public modules."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from types import GenericAlias

import pytest

import feedbackward as fb

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text(encoding="utf-8")
LISTED = re.findall(r"^::: (\S+)(?:\n    options:\n      members: (false))?", REFERENCE, flags=re.MULTILINE)
WHOLE = {name for name, without_members in LISTED if not without_members}
"""Names that are listed, modules among them with all their members."""
MODULES = (
    "data", "exporting", "explaining", "importing", "losses", "metrics", "models", "nn", "passes", "segmenters",
    "streets", "training", "transform",
)  # fmt: skip


def test_every_name_of_the_package() -> None:
    names = {name for name in fb.__all__ if not name.startswith("__")}
    listed = {name.rpartition(".")[2] for name, _ in LISTED if name.count(".") == 1}
    assert names - listed == set()


@pytest.mark.parametrize("module", MODULES)
def test_every_name_of_a_public_module(module: str) -> None:
    full = f"feedbackward.{module}"
    if full in WHOLE:
        return
    names = import_module(full).__all__
    listed = {name.rpartition(".")[2] for name in WHOLE}
    assert {name for name in names if name not in listed} == set()


def test_every_entry_exists_and_has_a_docstring() -> None:
    for name, _ in LISTED:
        owner, _, last = name.rpartition(".")
        try:
            found = import_module(name)
        except ImportError:
            found = getattr(import_module(owner), last)
        if isinstance(found, GenericAlias):  # a name for a type
            continue
        if inspect.isclass(found) or inspect.isroutine(found) or inspect.ismodule(found):
            assert found.__doc__, name
