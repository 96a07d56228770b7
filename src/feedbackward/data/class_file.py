"""The YAML or JSON file that names the classes of a folder of masks and their encoding.

masks: indices            # or colors, or layers
ignore: 255               # the value of ignored pixels; with colors a color, such as [0, 0, 0]; or a list of them
classes:
  - road                  # value 0, a color from the default palette
  - {name: car, value: 7, color: [0, 0, 142]}
  - {name: person, value: [24, 25]}
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from feedbackward.classes import LARGEST_VALUE, ClassTable, void_index
from feedbackward.data.encodings import MOST_CLASSES, Color, ColorEncoding, IndexEncoding, MaskClasses
from feedbackward.data.layers import LayerEncoding
from feedbackward.data.palette import default_palette
from feedbackward.errors import InputError
from feedbackward.text_files import parse_json, parse_yaml, read_text

CLASS_FILES = ("classes.yaml", "classes.yml", "classes.json")
"""The names of the class file in the folder of a data set."""
FILE_KEYS = ("classes", "ignore", "masks", "threshold")
CLASS_KEYS = ("name", "value", "color")

_COLOR = "[red, green, blue], each 0 to 255,"


@dataclass(frozen=True)
class _Entry:
    """A class of the file; no values or colors if it gives none."""

    name: str
    values: tuple[int, ...]
    colors: tuple[Color, ...]


def own_class_file(root: Path) -> Path | None:
    """The class file in the folder of a data set; None if there is none."""
    return next((root / name for name in CLASS_FILES if (root / name).is_file()), None)


def read_class_file(path: str | Path) -> MaskClasses:
    """Read a class file.

    Keys: `classes` lists names, or mappings of `name`, `value` (in masks of indices; by default the position in the
    list) and `color` ([red, green, blue]; required if masks are colors). A class may have a list of values or colors;
    the first is the one that predictions are written in. `masks` is "indices" (default), "colors", or "layers" for
    classes that overlap, each with its own mask of 0 and 1, or 0 and 255. `ignore` is the value or color of ignored
    pixels, or a list of them, for indices 255 by default (65535 for more than 254 classes) unless a class has that
    value. `threshold` is for two classes and masks with soft edges, such as gray levels between 0 and 255: values at or
    above it belong to the second class.

    Raises:
        InputError: If the file is missing, is not valid YAML or JSON, or does not describe classes.
    """
    path = Path(path)
    return parse_classes(load_class_file(path), path)


def parse_classes(data: Mapping[str, Any], path: str | Path) -> MaskClasses:
    """The classes that the content of a class file describes, with the keys of read_class_file.

    Args:
        data: The content.
        path: Where it comes from, for messages.

    Raises:
        InputError: If it does not describe classes.
    """
    _check_keys(data, FILE_KEYS, path)
    entries = data.get("classes")
    if not isinstance(entries, list) or not entries:
        _refuse(path, "'classes' must list the classes, for example classes: [background, car]")
    if len(entries) > MOST_CLASSES:
        _refuse(path, f"{len(entries)} classes; masks hold at most {MOST_CLASSES}")
    classes = [_entry(entry, path) for entry in entries]
    kind = data.get("masks", "indices")
    if not isinstance(kind, str) or kind not in _KINDS:
        _refuse(path, f"masks is {kind!r}; expected {' or '.join(_KINDS)}")
    return _KINDS[kind](data, classes, path)


def _index_classes(data: Mapping[str, Any], classes: list[_Entry], path: str | Path) -> MaskClasses:
    for entry in classes:
        if len(entry.colors) > 1:
            _refuse(path, f"class {entry.name!r} has {len(entry.colors)} colors; with masks: indices give one")
    threshold = _threshold(data, classes, path)
    white = void_index(len(classes)) if threshold is None or threshold <= 255 else LARGEST_VALUE
    defaults = range(len(classes)) if threshold is None else (0, white)
    values = [entry.values or (default,) for entry, default in zip(classes, defaults, strict=True)]
    taken = set(chain(*values))
    ignored = _several(data.get("ignore", None if white in taken or threshold is not None else white), _is_value)
    if ignored is None:
        _refuse(
            path, f"ignore is {data['ignore']!r}; with masks: indices give a value from 0 to 65535 or a list of them"
        )
    _refuse_repeated(chain(*values, ignored), "value", path)
    if threshold is None:
        indices = {value: index for index, several in enumerate(values) for value in several}
    else:
        _check_sides(values, threshold, path)
        indices = {value: int(value >= threshold) for value in range(LARGEST_VALUE + 1)}
    hint = f"If the value is a class, add the class to {path} ('value:'); if it should be ignored, set 'ignore:' to it"
    if len(classes) == 2:
        hint += "; if the masks have soft edges, set 'threshold:' (128 for edges between 0 and 255)"
    free = (value for value in chain(range(255, -1, -1), range(LARGEST_VALUE, 255, -1)) if value not in taken)
    void = next(chain(ignored, free))
    return MaskClasses(
        _table(classes, path, values=tuple(several[0] for several in values), void_value=void),
        IndexEncoding(indices, ignored=ignored, hint=hint),
        IndexEncoding(indices, ignored=[*ignored, void], hint=hint),
        ignores_white=255 in ignored and (len(classes) > 1 or "ignore" not in data),
    )


def _color_classes(data: Mapping[str, Any], classes: list[_Entry], path: str | Path) -> MaskClasses:
    if "threshold" in data:
        _refuse(path, "threshold is for masks of values; with masks: colors remove it")
    for entry in classes:
        if not entry.colors:
            _refuse(path, f"class {entry.name!r} has no color; masks: colors requires one")
        if entry.values:
            _refuse(path, f"class {entry.name!r} has a value; with masks: colors remove it")
    ignored = _colors(data.get("ignore"))
    if ignored is None:
        _refuse(path, f"ignore (with masks: colors) is {data['ignore']!r}; expected {_COLOR} or a list of them")
    _refuse_repeated(chain(*(entry.colors for entry in classes), ignored), "color", path)
    indices = {color: index for index, entry in enumerate(classes) for color in entry.colors}
    hint = f"The colors of the classes and those to ignore are given in {path}"
    encoding = ColorEncoding(indices, ignored=ignored, hint=hint)
    return MaskClasses(_table(classes, path), encoding, encoding)


def _layer_classes(data: Mapping[str, Any], classes: list[_Entry], path: str | Path) -> MaskClasses:
    if "threshold" in data:
        _refuse(path, "threshold is for masks of indices; with masks: layers remove it")
    for entry in classes:
        if entry.values:
            _refuse(path, f"class {entry.name!r} has a value; with masks: layers remove it")
        if len(entry.colors) > 1:
            _refuse(path, f"class {entry.name!r} has {len(entry.colors)} colors; with masks: layers give one")
    ignored = _several(data.get("ignore"), _is_value)
    if ignored is None:
        _refuse(
            path, f"ignore is {data['ignore']!r}; with masks: layers give a value from 2 to 65535 or a list of them"
        )
    _refuse_repeated((0, 1, *ignored), "value", path)
    hint = f"The mask of a class has 0 and 1, or 0 and 255; for values to ignore set 'ignore:' in {path}"
    encoding = LayerEncoding([entry.name for entry in classes], ignored=ignored, hint=hint)
    table = _table(classes, path, void_value=next(iter(ignored), None), overlapping=True)
    return MaskClasses(table, encoding, encoding)


_KINDS = {"indices": _index_classes, "colors": _color_classes, "layers": _layer_classes}


def _table(
    classes: list[_Entry],
    path: str | Path,
    *,
    values: tuple[int, ...] = (),
    void_value: int | None = None,
    overlapping: bool = False,
) -> ClassTable:
    void = void_index(2 if overlapping else len(classes))
    palette = default_palette(len(classes))
    colors = tuple(entry.colors[0] if entry.colors else color for entry, color in zip(classes, palette, strict=True))
    names = tuple(entry.name for entry in classes)
    try:
        return ClassTable(names, colors, void, values, void if void_value is None else void_value, overlapping)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _threshold(data: Mapping[str, Any], classes: list[_Entry], path: str | Path) -> int | None:
    threshold = data.get("threshold")
    if threshold is None:
        return None
    if not _is_value(threshold) or threshold == 0:
        _refuse(path, f"threshold is {threshold!r}; expected a value from 1 to 65535, such as 128")
    if len(classes) != 2:
        _refuse(path, f"threshold with {len(classes)} classes; it separates two, such as [background, car]")
    return int(threshold)


def _check_sides(values: list[tuple[int, ...]], threshold: int, path: str | Path) -> None:
    for value in values[0]:
        if value >= threshold:
            _refuse(path, f"value {value} of the first class is not below the threshold {threshold}")
    for value in values[1]:
        if value < threshold:
            _refuse(path, f"value {value} of the second class is below the threshold {threshold}")


def load_class_file(path: Path) -> dict[str, Any]:
    """The content of a class file.

    Raises:
        InputError: If the file is missing, is not valid YAML or JSON, or has no keys.
    """
    text, advice = read_text(path, expected="a class file in YAML or JSON"), "correct it"
    if path.suffix.lower() == ".json":
        data = parse_json(text, path, advice=advice, unique=True)
    else:
        data = parse_yaml(text, path, advice=advice)
    if not isinstance(data, dict):
        _refuse(path, f"expected the keys {', '.join(FILE_KEYS)}")
    return data


def _entry(entry: object, path: str | Path) -> _Entry:
    fields: dict[str, Any] = dict(entry) if isinstance(entry, Mapping) else {"name": entry}
    _check_keys(fields, CLASS_KEYS, path)
    name = fields.get("name")
    if not isinstance(name, str):
        _refuse(path, f"class {entry!r} has a name that is not text; put names such as no or 1 in quotes")
    values = _several(fields.get("value"), _is_value)
    if values is None:
        _refuse(path, f"value {fields['value']!r} of class {name!r}; expected 0 to 65535 or a list of such values")
    colors = _colors(fields.get("color"))
    if colors is None:
        _refuse(path, f"color of class {name!r} is {fields['color']!r}; expected {_COLOR} or a list of them")
    return _Entry(name, values, colors)


def _colors(given: object) -> tuple[Color, ...] | None:
    """A color or a list of colors; None if it is neither."""
    colors = _several((given,) if _is_color(given) else given, _is_color)
    return None if colors is None else tuple((red, green, blue) for red, green, blue in colors)


def _several(given: object, is_one: Callable[[object], bool]) -> tuple[Any, ...] | None:
    """One thing or a list of them as a tuple, nothing as an empty one; None if any is not such a thing."""
    if given is None:
        return ()
    things = tuple(given) if isinstance(given, list | tuple) else (given,)
    return things if things and all(map(is_one, things)) else None


def _is_color(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(_is_value(part) and part <= 255 for part in value)


def _is_value(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_VALUE


def _refuse_repeated(codes: Iterable[object], noun: str, path: str | Path) -> None:
    seen: set[object] = set()
    for code in codes:
        if code in seen:
            shown = list(code) if isinstance(code, tuple) else code
            _refuse(path, f"{noun} {shown} is given twice; expected different {noun}s for the classes and ignore")
        seen.add(code)


def _check_keys(data: Mapping[Any, Any], known: tuple[str, ...], path: str | Path) -> None:
    for key in data:
        if key not in known:
            _refuse(path, f"unknown key {key!r}; expected {', '.join(known)}")


def _refuse(path: str | Path, problem: str) -> NoReturn:
    raise InputError(f"{path}: {problem}")
