"""Takes the tables that benchmarks/study has written into docs/results.md: python docs/make_results.py."""

import re
from pathlib import Path

PAGE = Path(__file__).with_name("results.md")
STUDIES = Path(__file__).with_name("study")


def page() -> str:
    """The page, with each study's table between the comments that bear its name."""
    text = PAGE.read_text(encoding="utf-8")
    for table in sorted(STUDIES.glob("*.md")):
        begin, end = f"<!-- {table.stem} -->\n", f"<!-- end of {table.stem} -->\n"
        content = f"{begin}\n{table.read_text(encoding='utf-8')}\n{end}"
        text, count = re.subn(f"{begin}.*?{end}", lambda _, new=content: new, text, flags=re.DOTALL)
        assert count == 1, f"{PAGE} has no place for {table}: add the lines {begin}{end}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
