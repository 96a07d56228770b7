"""Every dependency has an oldest version and its reason in docs/dependencies.md, and is pinned in constraints.txt."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info < (3, 11):
    import tomli as tomllib
else:
    import tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGE = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")


def requirements(texts: Iterable[str]) -> list[Requirement]:
    """The packages of others."""
    return [each for each in map(Requirement, texts) if each.name != PROJECT["name"]]


EXTRAS = {name: requirements(texts) for name, texts in PROJECT["optional-dependencies"].items()}
EVERY = [*requirements(PROJECT["dependencies"]), *(each for extra in EXTRAS.values() for each in extra)]


def rows(section: str) -> list[list[str]]:
    """The cells of the tables in a section of the page, without their headings."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    cells = [
        [cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"
    ]
    return cells[2:]


def test_the_page_has_every_dependency_with_a_reason() -> None:
    found = dict(rows("`pip install feedbackward`"))
    assert found.keys() == {each.name for each in requirements(PROJECT["dependencies"])}
    assert all(found.values())


def test_the_page_has_every_extra_with_a_reason() -> None:
    found, extra = set(), ""
    for name, package, why in [*rows("Extras"), *rows("Development")]:
        extra = name or extra
        assert why
        found.add((extra, package))
    assert found == {(extra, each.name) for extra, several in EXTRAS.items() for each in several}


@pytest.mark.parametrize("requirement", EVERY, ids=str)
def test_it_has_an_oldest_version_and_a_pinned_one(requirement: Requirement) -> None:
    assert any(each.operator == ">=" for each in requirement.specifier)
    pinned = [
        version
        for name, version in re.findall(r"^([^=\s]+)==(\S+)", CONSTRAINTS, re.MULTILINE)
        if canonicalize_name(name) == canonicalize_name(requirement.name)
    ]
    if requirement.name == "tensorrt":
        pytest.skip("it needs a GPU; the tests do not install it")
    assert pinned
    assert all(requirement.specifier.contains(version) for version in pinned)
