"""The animation of the method follows from the traced graph, and stands still for readers who ask for that."""

import re
import runpy
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def picture() -> str:
    return (DOCS / "images" / "forward_and_back.svg").read_text(encoding="utf-8")


def test_it_is_up_to_date(picture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS)
    made = runpy.run_path(str(DOCS / "make_animation.py"))["page"]()
    without_pictures = [re.sub(r"base64,[^\"]*", "", text) for text in (picture, made)]  # encoders differ
    assert without_pictures[0] == without_pictures[1], "run: python docs/make_animation.py"


def test_the_channels_are_swapped_on_the_way_back(picture: str) -> None:
    texts = [text.text or "" for text in ET.fromstring(picture).iter(f"{SVG}text")]
    pairs = [tuple(map(int, text.split("→"))) for text in texts if re.fullmatch(r"\d+→\d+", text)]
    there, back = pairs[::2], pairs[1::2]
    assert there == [(3, 16), (16, 32), (32, 64), (64, 128)]
    assert back == [(after, before) for before, after in there]


def test_it_is_small_loads_nothing_and_can_stand_still(picture: str) -> None:
    assert len(picture) < 48_000
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|<script", picture)
    style = picture.partition("<style>")[2].partition("</style>")[0]
    still, _, moving = style.partition("@media (prefers-reduced-motion: no-preference)")
    assert "animation" not in still
    assert "@keyframes" in moving
    assert "prefers-color-scheme: dark" in still
