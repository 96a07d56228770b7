"""Any valid class file, in YAML and JSON, decodes masks as it says."""

import json
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import yaml
from hypothesis import given
from numpy.typing import NDArray
from PIL import Image

from feedbackward.data.class_file import read_class_file

LETTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])  # PyYAML writes line separators as they are
NAMES = st.lists(st.text(LETTERS, max_size=6).filter(str.strip), min_size=1, max_size=6, unique=True)
COLOR = st.tuples(*[st.integers(0, 255)] * 3)


def read(data: dict[str, Any], suffix: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"classes{suffix}")
        text = json.dumps(data) if suffix == ".json" else yaml.safe_dump(data, allow_unicode=True)
        path.write_text(text, encoding="utf-8")
        return read_class_file(path)


def decoded(classes: Any, mask: NDArray[Any]) -> list[list[int]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mask.png")
        Image.fromarray(mask).save(path)
        return classes.encoding.read(path).tolist()


@st.composite
def of_values(draw: st.DrawFn) -> tuple[dict[str, Any], list[list[int]], list[int]]:
    """The content of a class file, the values of each class, and those to ignore."""
    names = draw(NAMES)
    codes = draw(st.lists(st.integers(0, 65535), min_size=2 * len(names) + 1, max_size=2 * len(names) + 1, unique=True))
    several = [codes[2 * index : 2 * index + draw(st.integers(1, 2))] for index in range(len(names))]
    classes = [
        {"name": name, "value": values if len(values) > 1 or draw(st.booleans()) else values[0]}
        for name, values in zip(names, several, strict=True)
    ]
    return {"masks": "indices", "ignore": codes[-1], "classes": classes}, several, [codes[-1]]


@given(content=of_values(), suffix=st.sampled_from([".yaml", ".json"]))
def test_values(content: tuple[dict[str, Any], list[list[int]], list[int]], suffix: str) -> None:
    data, several, ignored = content
    classes = read(data, suffix)
    assert [*classes.table.names] == [entry["name"] for entry in data["classes"]]
    assert [*classes.table.values] == [values[0] for values in several]
    assert classes.table.void_value == ignored[0]
    expected = {value: index for index, values in enumerate(several) for value in values}
    expected |= dict.fromkeys(ignored, classes.table.ignore_index)
    mask = np.array([[*expected]], np.uint16)
    assert decoded(classes, mask) == [[*expected.values()]]


@given(names=NAMES, data=st.data(), suffix=st.sampled_from([".yaml", ".json"]))
def test_colors(names: list[str], data: st.DataObject, suffix: str) -> None:
    colors = data.draw(st.lists(COLOR, min_size=len(names) + 1, max_size=len(names) + 1, unique=True))
    entries = [{"name": name, "color": [*color]} for name, color in zip(names, colors, strict=False)]
    classes = read({"masks": "colors", "ignore": [*colors[-1]], "classes": entries}, suffix)
    mask = np.array([colors], np.uint8)
    assert decoded(classes, mask) == [[*range(len(names)), classes.table.ignore_index]]
