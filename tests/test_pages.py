"""The documentation pages that are generated from the code."""

import runpy
from importlib.metadata import version
from pathlib import Path

import pytest

from feedbackward.cli.fit_options import known_options
from feedbackward.transform import REGISTRY

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", ["rules", "transform", "encoders", "results", "performance"])
def test_the_page_is_up_to_date(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS)
    made = runpy.run_path(str(DOCS / f"make_{name}.py"))["page"]()
    assert (DOCS / f"{name}.md").read_text(encoding="utf-8") == made, f"run: python docs/make_{name}.py"


def test_the_page_of_rules_names_every_operation_once() -> None:
    table = (DOCS / "rules.md").read_text(encoding="utf-8").split("| --- |")[-1]
    operations = table.count("`") // 2
    assert operations == len(list(REGISTRY))


def test_the_options_of_fit_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS)
    made = runpy.run_path(str(DOCS / "make_options.py"))
    if known_options()["lightning"] != version("lightning"):
        pytest.skip("the file is that of another version of Lightning")
    assert made["LISTED"].read_text(encoding="utf-8") == made["page"](), "run: python docs/make_options.py"
