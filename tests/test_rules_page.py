"""The page of rules is made from the registry."""

import runpy
from pathlib import Path

from feedbackward.graph import REGISTRY

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_of_rules_is_up_to_date() -> None:
    made = runpy.run_path(str(DOCS / "make_rules.py"))["page"]()
    assert (DOCS / "rules.md").read_text(encoding="utf-8") == made, "run: python docs/make_rules.py"


def test_the_page_names_every_operation_once() -> None:
    table = (DOCS / "rules.md").read_text(encoding="utf-8").split("| --- |")[-1]
    operations = table.count("`") // 2
    assert operations == len(list(REGISTRY))
