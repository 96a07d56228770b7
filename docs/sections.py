"""The generated sections of a page: the text between the comments with a section's name."""

import re
from pathlib import Path


def filled(page: Path, contents: dict[str, str]) -> str:
    """A page with the text between the lines `<!-- NAME -->` and `<!-- end of NAME -->` replaced by each content."""
    text = page.read_text(encoding="utf-8")
    for name, content in contents.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        text, count = re.subn(
            f"{begin}.*?{end}", lambda _, new=f"{begin}\n{content}\n{end}": new, text, flags=re.DOTALL
        )
        assert count == 1, f"{page} has {count} sections {name}; expected one, with the lines {begin}{end}"
    return text
