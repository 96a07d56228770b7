"""Which class each value or color of a mask belongs to."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from feedbackward.data.class_file import read_class_file
from feedbackward.data.encodings import Color, ColorEncoding, IndexEncoding, MaskClasses
from feedbackward.errors import InputError
from feedbackward.importing.json_files import read_json


@dataclass(frozen=True)
class ClassCodes:
    """The classes of a data set, by the codes of its masks (see Codes).

    Args:
        content: The content of the class file.
        classes: The classes and the encoding that it describes.
    """

    content: dict[str, Any]
    classes: MaskClasses
    _seen: dict[int, int | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def colors(self) -> bool:
        """Whether the masks have colors."""
        return isinstance(self.classes.encoding, ColorEncoding)

    def index(self, code: int) -> int | None:
        """The index of the class of a code, the table's ignore_index for void, and None for unknown codes."""
        if code not in self._seen:
            self._seen[code] = self._of_color.get(code) if self.colors else self._of_value(code)
        return self._seen[code]

    def _of_value(self, value: int) -> int | None:
        assert isinstance(self.classes.encoding, IndexEncoding)
        try:
            return int(self.classes.encoding.encode(np.array([[value]], np.uint16), Path())[0, 0])
        except InputError:
            return None

    @cached_property
    def _of_color(self) -> dict[int, int]:
        table = self.classes.table
        found = {_packed(color): table.ignore_index for color in _several(self.content.get("ignore") or [])}
        for index, entry in enumerate(self.content["classes"]):
            found |= {_packed(color): index for color in _several(entry["color"])}
        return found


def read_class_codes(classes: dict[str, Any] | Path) -> ClassCodes:
    """The classes of a class file, or of the content of one.

    Raises:
        InputError: As read_class_file.
    """
    if isinstance(classes, Path):
        described = read_class_file(classes)
        is_json = classes.suffix.lower() == ".json"
        return ClassCodes(
            read_json(classes) if is_json else yaml.safe_load(classes.read_text(encoding="utf-8-sig")), described
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "classes.yaml"
        path.write_text(yaml.safe_dump(classes, allow_unicode=True), encoding="utf-8")
        return ClassCodes(classes, read_class_file(path))


def _several(given: list[Any]) -> Iterable[Color]:
    """A color or a list of colors."""
    return [(given[0], given[1], given[2])] if given and isinstance(given[0], int) else given


def _packed(color: Color) -> int:
    red, green, blue = color
    return red << 16 | green << 8 | blue
