"""Which class each value or color of a mask belongs to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feedbackward.data.class_file import load_class_file, parse_classes
from feedbackward.data.encodings import ColorEncoding, MaskClasses


@dataclass(frozen=True)
class ClassCodes:
    """The classes of a data set, by the codes of its masks (see Codes).

    Args:
        content: The content of the class file.
        classes: The classes and the encoding that it describes.
    """

    content: dict[str, Any]
    classes: MaskClasses

    @property
    def colors(self) -> bool:
        """Whether the masks have colors."""
        return isinstance(self.classes.encoding, ColorEncoding)

    def index(self, code: int) -> int | None:
        """The index of the class of a code, the table's ignore_index for void, and None for unknown codes."""
        return self.classes.encoding.index(code)


def read_class_codes(classes: dict[str, Any] | Path) -> ClassCodes:
    """The classes of a class file, or of the content of one.

    Raises:
        InputError: As read_class_file.
    """
    content = load_class_file(classes) if isinstance(classes, Path) else classes
    return ClassCodes(content, parse_classes(content, classes if isinstance(classes, Path) else "the annotations"))
