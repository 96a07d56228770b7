"""The places in a page that a script fills: what stands between the comments of one name."""

import re
from pathlib import Path


def filled(page: Path, contents: dict[str, str]) -> str:
    """A page with each content between its lines `<!-- NAME -->` and `<!-- end of NAME -->`, whatever stood there."""
    text = page.read_text(encoding="utf-8")
    for name, content in contents.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        text, count = re.subn(
            f"{begin}.*?{end}", lambda _, new=f"{begin}\n{content}\n{end}": new, text, flags=re.DOTALL
        )
        assert count == 1, f"{page} has no place for {name}: add the lines {begin}{end}"
    return text
