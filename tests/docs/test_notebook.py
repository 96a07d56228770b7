"""docs/notebook.md has the cells of docs/notebook.py, and the outputs that do not differ between machines."""

import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SMALLER = {"scenes=96": "scenes=8", "scenes=12": "scenes=2", "STEPS = 200": "STEPS = 4"}


@pytest.fixture
def notebook():
    return runpy.run_path(str(DOCS / "make_notebook.py"))


def test_the_page_is_up_to_date(notebook, tmp_path, monkeypatch, exporting):
    monkeypatch.chdir(tmp_path)
    source = notebook["SOURCE"].read_text(encoding="utf-8")
    cells = notebook["cells"](source)
    for whole, small in SMALLER.items():
        assert whole in source
        source = source.replace(whole, small)
    page = (DOCS / "notebook.md").read_text(encoding="utf-8")
    for cell, output in zip(cells, notebook["run"](notebook["cells"](source)), strict=True):
        text = cell.text.strip() if output is None else f"```python\n{cell.text}\n```\n"
        assert text in page, "run: python docs/make_notebook.py"
        page = page.partition(text)[2]
        if cell.kind == "code" and output.text:
            assert page.startswith(f"\n```text\n{output.text.rstrip()}\n```"), "run: python docs/make_notebook.py"
        if output is not None and output.picture is not None:
            assert re.match(r"\n!\[.*\]\(images/notebook_\d\.jpg\)", page)
    assert not re.search("```", page.partition("```text")[2].partition("```")[2])


def test_a_cell_returns_what_it_prints_and_its_last_value(notebook):
    cells = notebook["cells"](
        "# %% [markdown]\n# # Title\n#\n# Text.\n\n# %%\nx = 2\nprint('two')\nx * 2\n\n# %% varies\nx\n"
    )
    assert [(cell.kind, cell.text.strip()) for cell in cells] == [
        ("markdown", "# Title\n\nText."),
        ("code", "x = 2\nprint('two')\nx * 2"),
        ("varies", "x"),
    ]
    assert [output and output.text for output in notebook["run"](cells)] == [None, "two\n4\n", "2\n"]
