"""The searchable table of docs/encoders.md: its rows are the catalog's, and its script filters and sorts them."""

import json
import runpy
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from feedbackward.models.catalog import SHIPPED, Catalog

DOCS = Path(__file__).parents[2] / "docs"
TABLES = DOCS / "tables"
NODE = shutil.which("node")
RECORDS = Catalog.from_json(SHIPPED.read_text(encoding="utf-8")).encoders
needs_node = pytest.mark.skipif(NODE is None, reason="install nodejs to test the script of the table")


def in_node(expression: str) -> list[str]:
    """The names of the rows that an expression over `rows` and the script's functions returns."""
    code = (
        f"const {{ filterRows, sortRows }} = require({json.dumps(str(TABLES / 'encoders.js'))});"
        f"const rows = require({json.dumps(str(TABLES / 'encoders.json'))});"
        f"console.log(JSON.stringify(({expression}).map((row) => row.name)))"
    )
    assert NODE is not None
    return json.loads(subprocess.run([NODE, "-e", code], capture_output=True, text=True, check=True).stdout)


def test_the_rows_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS)
    made = runpy.run_path(str(DOCS / "make_encoders.py"))["table"]()
    assert (TABLES / "encoders.json").read_text(encoding="utf-8") == made, "run: python docs/make_encoders.py"
    assert len(json.loads(made)) == len(RECORDS)


@needs_node
def test_rows_are_filtered() -> None:
    found = in_node('filterRows(rows, { search: "ResNet*", supported: "yes", most: "20", stride: "4" })')
    assert sorted(found) == sorted(
        record.name
        for record in RECORDS
        if fnmatchcase(record.name, "resnet*")
        and record.supported
        and record.encoder_parameters / 1e6 <= 20
        and 4 in record.output_strides
    )
    assert in_node('filterRows(rows, { search: "50 resnext" })')
    assert len(in_node("filterRows(rows)")) == len(RECORDS)
    assert in_node('filterRows(rows, { kind: "hybrid", supported: "no" })') == [
        record.name
        for record in sorted(RECORDS, key=lambda record: (record.family, record.name))
        if record.kind == "hybrid" and not record.supported
    ]


@needs_node
@pytest.mark.parametrize("descending", [False, True])
def test_rows_are_sorted_and_missing_values_come_last(descending: bool) -> None:
    names = in_node(f"sortRows(rows, 'decoder', {str(descending).lower()})")
    by_name = {record.name: record.decoder_parameters for record in RECORDS}
    values = [by_name[name] for name in names]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=descending)
    assert values[len(known) :] == [None] * (len(values) - len(known))


def test_the_table_in_a_browser(tmp_path: Path, serve, chromium_program: str) -> None:
    shutil.copytree(TABLES, tmp_path / "tables")
    (tmp_path / "encoders").mkdir()
    (tmp_path / "encoders" / "index.html").write_text(
        """<div id="encoder-table">without JavaScript</div><script src="../tables/encoders.js" defer></script>
        <script>const wait = setInterval(() => {
          const form = document.forms[0];
          if (!form) return;
          clearInterval(wait);
          form.search.value = "resnet18";
          form.search.dispatchEvent(new Event("input", { bubbles: true }));
          document.querySelector("th[data-key=encoder] button").click();
          document.title = [...document.querySelectorAll("tbody tr")].map((row) => row.cells[0].textContent).join(",");
        }, 20);</script>"""
    )
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    page = subprocess.run(
        [
            *(chromium_program, *options, "--virtual-time-budget=5000", "--dump-dom"),
            f"{serve(tmp_path).url}/encoders/index.html",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    shown = sorted(
        (r for r in RECORDS if "resnet18" in r.name and r.supported),
        key=lambda r: (round(r.encoder_parameters / 1e6, 2), r.family),
    )
    assert f"<title>{','.join(r.name for r in shown)}</title>" in page
    assert 'data-key="encoder" aria-sort="ascending"' in page
    assert 'data-key="name" aria-sort="none"' in page
    assert f"{len(shown)} of {len(RECORDS)} architectures" in page
    assert "without JavaScript" not in page
