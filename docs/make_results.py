"""Puts the tables of benchmarks/study into docs/results.md: python docs/make_results.py."""

from pathlib import Path

from sections import filled

PAGE = Path(__file__).with_name("results.md")
STUDIES = Path(__file__).with_name("study")


def page() -> str:
    """The page, with the table of each study."""
    return filled(PAGE, {table.stem: table.read_text(encoding="utf-8") for table in sorted(STUDIES.glob("*.md"))})


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
