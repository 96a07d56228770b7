"""Runs docs/notebook.py and writes docs/notebook.md with its outputs and pictures: python docs/make_notebook.py.

The cells are separated as editors do it: by lines `# %%`, `# %% [markdown]`, and `# %% varies` for outputs that differ
between machines.
"""

import ast
import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

SOURCE = Path(__file__).with_name("notebook.py")
PAGE = SOURCE.with_suffix(".md")
PICTURES = SOURCE.parent / "images"


@dataclass(frozen=True)
class Cell:
    """A cell of the notebook.

    Args:
        kind: "markdown"; "code"; or "varies" for code whose output differs between machines.
        text: The Markdown or the code.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class Output:
    """What a cell printed, then its last value; a picture if that is one."""

    text: str
    picture: Image.Image | None = None


def cells(source: str) -> list[Cell]:
    """The cells of the source."""
    found = []
    for head, text in re.findall(r"^# %%([^\n]*)\n(.*?)(?=^# %%|\Z)", source, flags=re.DOTALL | re.MULTILINE):
        kind = head.strip(" []") or "code"
        found.append(Cell(kind, re.sub("^# ?", "", text, flags=re.MULTILINE) if kind == "markdown" else text.strip()))
    return found


def run(notebook: list[Cell]) -> Iterator[Output | None]:
    """The output of each cell, in one namespace; None of Markdown."""
    names: dict[str, Any] = {"__name__": "notebook"}
    for cell in notebook:
        yield None if cell.kind == "markdown" else _output(cell.text, names)


def _output(code: str, names: dict[str, Any]) -> Output:
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with redirect_stdout(printed):
        exec(compile(tree, str(SOURCE), "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), str(SOURCE), "eval"), names)
    if isinstance(value, Image.Image):
        return Output(printed.getvalue(), value)
    return Output(printed.getvalue() + (f"{value!r}\n" if value is not None else ""))


def page() -> str:
    """The page; its pictures are written beside it, and what the notebook saves into the current folder."""
    notebook = cells(SOURCE.read_text(encoding="utf-8"))
    parts, number = [], 0
    for cell, output in zip(notebook, run(notebook), strict=True):
        if output is None:
            parts.append(cell.text.strip())
            continue
        parts.append(f"```python\n{cell.text}\n```")
        if output.text:
            parts.append(f"```text\n{output.text.rstrip()}\n```")
        if output.picture is not None:
            number += 1
            name = f"notebook_{number}.jpg"
            output.picture.convert("RGB").save(PICTURES / name, quality=85, optimize=True)
            parts.append(f"![Output of the cell above](images/{name})")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        made = page()
    PAGE.write_text(made, encoding="utf-8")
