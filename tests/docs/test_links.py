"""Every link on a page leads to a file of the repository, and every anchor to a heading or a name of the reference."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "adr").glob("*.md")])
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


def without_code(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def links(text: str) -> list[str]:
    """The targets of links and pictures, those in HTML too."""
    return re.findall(r"\]\(\s*([^)\s]+)", text) + re.findall(r"""(?:src|href)="([^"]+)\"""", text)


@cache
def anchors(page: Path) -> set[str]:
    """The anchors that mkdocs gives the headings of a page."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    found = set[str]()
    for heading in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE):
        name = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\s-]", "", name).strip().lower()
        found.add(re.sub(r"[-\s]+", "-", name))
    return found


def broken(page: Path, target: str) -> str:
    """What is wrong with a link; empty if nothing is."""
    path, _, anchor = unquote(target).partition("#")
    if re.match(r"[a-z]+:", target):
        return ""
    if path.startswith("../tables/"):  # of the site, whose pages are folders
        path = path.removeprefix("../")
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return f"{target}: there is no {path}"
    if "docs" in page.parts and ROOT / "docs" not in file.parents:
        return f"{target}: leads out of the site"
    if anchor and anchor not in anchors(file) and f"::: {anchor}" not in REFERENCE:
        return f"{target}: {file.name} has no heading #{anchor}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_is_broken(page: Path) -> None:
    text = without_code(page)
    assert [problem for target in links(text) if (problem := broken(page, target))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_to_names_lead_into_the_reference(page: Path) -> None:
    names = re.findall(r"\]\[(feedbackward[\w.]*)\]", page.read_text(encoding="utf-8"))
    listed = re.findall(r"^::: (\S+)", REFERENCE, flags=re.MULTILINE)
    missing = [name for name in names if not any(name == entry or name.rpartition(".")[0] == entry for entry in listed)]
    assert missing == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One thing\n\n[a](missing.md) [b](#one-thing) [c](#another) ![d](no.png) [e](https://example.org)\n"
    )
    problems = [broken(page, target) for target in links(without_code(page))]
    assert [bool(problem) for problem in problems] == [True, False, True, True, False]


def test_every_page_is_in_the_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    listed = re.findall(r"([\w/.-]+\.md)$", nav, flags=re.MULTILINE)
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in PAGES if ROOT / "docs" in page.parents]
    assert sorted(listed) == sorted(pages)
