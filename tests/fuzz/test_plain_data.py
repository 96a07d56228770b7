"""What is saved as JSON: any data is refused in one line, or is read as what it says and written the same again."""

import json
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from feedbackward.classes import ClassTable
from feedbackward.decoder_config import FOR_FROZEN, PAPER, DecoderConfig
from feedbackward.errors import InputError
from feedbackward.preprocessing import Preprocessing, Resize

NUMBERS = st.one_of(st.integers(-3, 70000), st.integers(), st.floats())
WORDS = st.sampled_from(["necessary", "possible", "auto", "fine", "image", "all", "both", "sum", "full", "RGB", "BGR"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS, st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(NUMBERS, max_size=3),
        st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
    max_leaves=8,
)
TABLE = ClassTable(("road", "sky", "car"), ((1, 2, 3), (4, 5, 6), (7, 8, 9)), 255, (7, 11, 300), 0)
LAYERS = ClassTable(("road", "crack"), ((1, 2, 3), (4, 5, 6)), overlapping=True)
VALID: list[tuple[Any, dict[str, Any]]] = [
    *((DecoderConfig, config.to_dict()) for config in (DecoderConfig(), PAPER, FOR_FROZEN)),
    *((ClassTable, table.to_dict()) for table in (TABLE, LAYERS)),
    (Preprocessing, Preprocessing.identity("BGR").to_dict()),
    (Preprocessing, Preprocessing((0.5,), (0.25,), value_range=(0, 4095), resize=Resize(size=(3, 4))).to_dict()),
    (Preprocessing, Preprocessing((0.5,) * 5, (0.25,) * 5, resize=Resize(longest_side=320)).to_dict()),
]


@st.composite
def changed(draw: st.DrawFn, valid: dict[str, Any]) -> dict[str, Any]:
    """Plain data in which one to three entries, at any depth, have another value, are missing or are new."""
    data: dict[str, Any] = json.loads(json.dumps(valid))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = data
        while place and draw(st.booleans()):
            inner = place[draw(keys(place))]
            if not isinstance(inner, dict | list):
                break
            place = inner
        kind = draw(st.sampled_from(["value", "value", "missing", "new"]))
        if kind == "new" or not place:
            place.append(draw(VALUES)) if isinstance(place, list) else place.update({draw(st.text()): draw(VALUES)})
        elif kind == "value":
            place[draw(keys(place))] = draw(VALUES)
        else:
            del place[draw(keys(place))]
    return data


def keys(place: dict[str, Any] | list[Any]) -> st.SearchStrategy[Any]:
    """The keys of a mapping, or the indices of a list."""
    return st.sampled_from([*place] if isinstance(place, dict) else [*range(len(place))])


@pytest.mark.parametrize(("kind", "valid"), VALID)
@given(choice=st.data())
def test_changed_data_is_refused_or_kept(kind: Any, valid: dict[str, Any], choice: st.DataObject) -> None:
    data = choice.draw(changed(valid))
    try:
        read = kind.from_dict(data)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    written = json.loads(json.dumps(read.to_dict(), allow_nan=False))
    assert kind.from_dict(written) == read
    # Nothing was passed over, or read as something else; 0 channels and no values are defaults.
    asked = {key: value for key, value in data.items() if value != [] and (isinstance(value, bool) or value != 0)}
    assert {key: without_none(written[key]) for key in asked} == {key: without_none(asked[key]) for key in asked}


def without_none(value: Any) -> Any:
    """A mapping without the keys that say that there is nothing, such as no size to resize to."""
    return {key: each for key, each in value.items() if each is not None} if isinstance(value, dict) else value


@pytest.mark.parametrize(("kind", "valid"), VALID)
def test_valid_data_is_kept(kind: Any, valid: dict[str, Any]) -> None:
    assert kind.from_dict(json.loads(json.dumps(valid))).to_dict() == valid
