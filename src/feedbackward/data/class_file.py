"""The YAML or JSON file that names the classes of a folder of masks and their encoding.

masks: indices            # or colors
ignore: 255               # the value of ignored pixels; with colors a color, such as [0, 0, 0]
classes:
  - road                  # value 0, a color from the default palette
  - {name: car, value: 7, color: [0, 0, 142]}
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml

from feedbackward.classes import ClassTable
from feedbackward.data.encodings import MOST_CLASSES, VOID, Color, ColorEncoding, IndexEncoding, MaskClasses
from feedbackward.errors import InputError

FILE_KEYS = ("classes", "ignore", "masks")
CLASS_KEYS = ("name", "value", "color")


def default_palette(count: int) -> tuple[Color, ...]:
    """The first colors of Pascal VOC's palette, all distinct (VOCdevkit, VOClabelcolormap)."""
    return tuple(_voc_color(index) for index in range(count))


def read_class_file(path: str | Path) -> MaskClasses:
    """Read a class file.

    Keys: `classes` lists names, or mappings of `name`, `value` (in index masks; by default the position in the list)
    and `color` ([red, green, blue]; required if masks are colors); `masks` is "indices" (default) or "colors";
    `ignore` is the value or color of ignored pixels, for indices 255 by default unless a class has that value.

    Raises:
        InputError: If the file is missing, is not valid YAML or JSON, or does not describe classes.
    """
    path = Path(path)
    data = _load(path)
    _check_keys(data, FILE_KEYS, path)
    entries = data.get("classes")
    if not isinstance(entries, list) or not entries:
        _refuse(path, "'classes' must list the classes, for example classes: [background, car]")
    if len(entries) > MOST_CLASSES:
        _refuse(path, f"{len(entries)} classes; 8-bit masks hold at most {MOST_CLASSES}")
    classes = [_class_entry(entry, path) for entry in entries]
    kind = data.get("masks", "indices")
    if kind not in ("indices", "colors"):
        _refuse(path, f"masks is {kind!r}; expected indices or colors")
    palette = default_palette(len(classes))
    names = tuple(entry["name"] for entry in classes)
    colors = tuple(entry.get("color", color) for entry, color in zip(classes, palette, strict=True))
    try:
        table = ClassTable(names, colors, ignore_index=VOID)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if kind == "colors":
        return MaskClasses(table, _color_encoding(classes, data.get("ignore"), path))
    values = [entry.get("value", index) for index, entry in enumerate(classes)]
    ignored = data.get("ignore", VOID if VOID not in values else None)
    return MaskClasses(table, _index_encoding(values, ignored, path), ignores_white=ignored == VOID)


def _load(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except FileNotFoundError as error:
        raise InputError(f"no file {path}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; give a YAML or JSON file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error}") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(data, dict):
        _refuse(path, f"expected the keys {', '.join(FILE_KEYS)}")
    return data


def _class_entry(entry: object, path: Path) -> dict[str, Any]:
    """Name, and value and color if given, with their types checked."""
    fields: dict[str, Any] = dict(entry) if isinstance(entry, Mapping) else {"name": entry}
    _check_keys(fields, CLASS_KEYS, path)
    if not isinstance(fields.get("name"), str):
        _refuse(path, f"class {entry!r} has a name that is not text; put names such as no or 1 in quotes")
    if "value" in fields and not _is_byte(fields["value"]):
        _refuse(path, f"value {fields['value']!r} of class {fields['name']!r}; expected 0 to 255")
    if "color" in fields:
        fields["color"] = _color(fields["color"], f"color of class {fields['name']!r}", path)
    return fields


def _index_encoding(values: list[int], ignored: object, path: Path) -> IndexEncoding:
    for value in values:
        if values.count(value) > 1:
            _refuse(path, f"value {value} encodes more than one class")
    if ignored is not None and not _is_byte(ignored):
        _refuse(path, f"ignore is {ignored!r}; with masks: indices expected a value from 0 to 255")
    if ignored in values:
        _refuse(path, f"ignore is {ignored}, which is also the value of a class; ignore another value or null")
    indices = {value: index for index, value in enumerate(values)}
    hint = f"If the value is a class, add the class to {path} ('value:'); if it should be ignored, set 'ignore:' to it"
    return IndexEncoding(indices if ignored is None else {**indices, int(str(ignored)): VOID}, hint=hint)


def _color_encoding(classes: list[dict[str, Any]], ignored: object, path: Path) -> ColorEncoding:
    for entry in classes:
        if "color" not in entry:
            _refuse(path, f"class {entry['name']!r} has no color; masks: colors requires one")
        if "value" in entry:
            _refuse(path, f"class {entry['name']!r} has a value; with masks: colors remove it")
    colors = [entry["color"] for entry in classes]
    void = None if ignored is None else _color(ignored, "ignore (with masks: colors)", path)
    for color in (*colors, void):
        if color is not None and [*colors, void].count(color) > 1:
            _refuse(path, f"color {list(color)} is given twice; classes and ignore must differ")
    return ColorEncoding(colors, void=void, hint=f"The colors of the classes and the one to ignore are given in {path}")


def _color(value: object, what: str, path: Path) -> Color:
    if not isinstance(value, list) or len(value) != 3 or not all(map(_is_byte, value)):
        _refuse(path, f"{what} is {value!r}; expected [red, green, blue], each 0 to 255")
    return (value[0], value[1], value[2])


def _is_byte(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255


def _check_keys(data: Mapping[Any, Any], known: tuple[str, ...], path: Path) -> None:
    for key in data:
        if key not in known:
            _refuse(path, f"unknown key {key!r}; expected {', '.join(known)}")


def _refuse(path: Path, problem: str) -> NoReturn:
    raise InputError(f"{path}: {problem}")


def _voc_color(index: int) -> Color:
    """Bits 0, 3, 6 of the index go to red, 1, 4, 7 to green, 2, 5 to blue, each from the highest bit down."""
    channels = [0, 0, 0]
    for bit in range(8):
        channels[bit % 3] |= (index >> bit & 1) << (7 - bit // 3)
    return (channels[0], channels[1], channels[2])
