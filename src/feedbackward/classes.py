"""The classes of a data set: their names, colors and mask values, in the order of their indices."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from feedbackward.errors import InputError
from feedbackward.plain_data import Form, check_form

LARGEST_VALUE = 65535
"""Masks have 8 or 16 bits."""
BACKGROUND = "background"
"""The pixels without a class, where classes overlap."""
_FORM: Mapping[str, Form] = {"names": [str], "colors": [[int]], "ignore_index": int, "values": [int], "void_value": int}


def void_index(classes: int) -> int:
    """The index of void in decoded masks: 255, or 65535 if 8 bits are too few for the classes.

    Example:
        >>> void_index(254), void_index(255)
        (255, 65535)
    """
    return 255 if classes <= 254 else LARGEST_VALUE


@dataclass(frozen=True)
class ClassTable:
    """The classes of a data set; class i of a decoded mask is the i-th entry.

    Mask files may contain other values than the indices that a network is trained with. `values` and `void_value` are
    those of the files, in which predictions are written; `ignore_index` is void in decoded masks.

    Where classes overlap, a decoded mask has a layer for each class, with the index 0 where the class is absent and 1
    where it is present; a network has two logits for each class, and the softmax over the two is the sigmoid of their
    difference.

    Args:
        names: One name per class.
        colors: One (red, green, blue) per class, 0 to 255.
        ignore_index: The index of pixels that are not counted (void).
        values: The value of each index in mask files, 0 to 65535; the indices by default.
        void_value: The value of void in mask files, 0 to 65535.
        overlapping: Whether a pixel may belong to several classes, or to none.

    Raises:
        InputError: If a value has another type, there are no classes, a name is empty, names repeat, names, colors and
            values differ in number, a color is not three values from 0 to 255, ignore_index is an index of the mask,
            values and void_value are not all different and from 0 to 65535, or an overlapping class has a name that
            cannot be a folder's.

    Example:
        >>> table = ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180)))
        >>> len(table), table.values
        (2, (0, 1))
    """

    names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]
    ignore_index: int = 255
    values: tuple[int, ...] = ()
    void_value: int = 255
    overlapping: bool = False

    def __post_init__(self) -> None:
        check_form(vars(self), {**_FORM, "overlapping": bool}, source="a class table", advice="correct it")
        if not self.names:
            raise InputError("the class table is empty; name at least one class")
        if not all(map(str.strip, self.names)):
            raise InputError(f"class names {list(self.names)}: expected a name for each class, found an empty one")
        repeated = sorted(name for name, count in Counter(self.names).items() if count > 1)
        if repeated:
            raise InputError(f"class names {repeated} occur more than once; names must be unique")
        if len(self.colors) != len(self.names):
            raise InputError(
                f"class names ({len(self.names)}) and colors ({len(self.colors)}) differ in number; expected one color "
                f"per class"
            )
        for name, color in zip(self.names, self.colors, strict=True):
            if len(color) != 3 or not all(0 <= value <= 255 for value in color):
                raise InputError(f"color {color} of class {name!r}: expected three values from 0 to 255")
        if self.overlapping:
            self._check_overlapping()
        indices = ("absent", "present") if self.overlapping else self.names
        if abs(self.ignore_index) > LARGEST_VALUE:
            raise InputError(f"ignore_index is {self.ignore_index}; expected -{LARGEST_VALUE} to {LARGEST_VALUE}")
        if 0 <= self.ignore_index < len(indices):
            raise InputError(
                f"ignore_index {self.ignore_index} is the class {indices[self.ignore_index]!r}; "
                f"choose a value that is not a class, such as {void_index(len(indices))}"
            )
        if not self.values:
            object.__setattr__(self, "values", tuple(range(len(indices))))
        self._check_values(indices)

    def _check_overlapping(self) -> None:
        """Each class has a folder of its name, and exported files an output beside their input "image"."""
        for name in self.names:
            if name in (BACKGROUND, "image") or name.startswith(".") or set(name) & set("/\\"):
                raise InputError(
                    f"overlapping class {name!r}: expected a name that can be a folder's, without slashes and a dot "
                    f"at the start, and not {BACKGROUND} or image; a pixel of no class needs no class of its own"
                )

    def _check_values(self, indices: tuple[str, ...]) -> None:
        if len(self.values) != len(indices):
            raise InputError(
                f"class names ({len(indices)}) and values ({len(self.values)}) differ in number; expected one value "
                f"per class, or none for the indices"
            )
        users = [*(f"class {name!r}" for name in indices), "void"]
        owner: dict[int, str] = {}
        for value, user in zip((*self.values, self.void_value), users, strict=True):
            if not 0 <= value <= LARGEST_VALUE:
                raise InputError(f"mask value {value} of {user}: expected 0 to {LARGEST_VALUE}")
            if value in owner:
                raise InputError(f"mask value {value} belongs to {owner[value]} and {user}; expected different values")
            owner[value] = user

    def __len__(self) -> int:
        return len(self.names)

    @property
    def logits(self) -> int:
        """The number of logits that a network has for each pixel."""
        return len(self.names) * (2 if self.overlapping else 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; from_dict is its inverse."""
        return {
            "names": list(self.names),
            "colors": [list(color) for color in self.colors],
            "ignore_index": self.ignore_index,
            "values": list(self.values),
            "void_value": self.void_value,
            "overlapping": self.overlapping,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ClassTable":
        """The table of plain data that to_dict returned.

        Raises:
            InputError: If it is anything else.
        """
        check_form(data, _FORM, source="class_table", advice="correct it")
        if unknown := data.keys() - {field.name for field in fields(cls)}:
            raise InputError(f"class_table has {sorted(unknown)[0]!r}, which is not part of one; correct it")
        return cls(
            tuple(data["names"]),
            tuple(map(tuple, data["colors"])),
            data["ignore_index"],
            tuple(data["values"]),
            data["void_value"],
            data.get("overlapping", False),  # absent in older files
        )


def check_classes(saved: ClassTable | None, class_table: ClassTable, *, of: str) -> None:
    """Check that a network has the classes of the data.

    Args:
        saved: The classes of the network; None if they have no names.
        class_table: The classes of the data.
        of: Origin of the network, for the message.

    Raises:
        InputError: If they differ, or the network's classes have no names.
    """
    if saved is None:
        raise InputError(f"the {of} has no class names; set the network's class_table before saving it")
    if saved.names != class_table.names:
        raise InputError(
            f"the {of} was trained on {len(saved)} classes ({', '.join(saved.names)}), but the data "
            f"has {len(class_table)} ({', '.join(class_table.names)}); use the data set that it was trained on"
        )
    if saved.overlapping != class_table.overlapping:
        kinds = {True: "classes that overlap", False: "classes of which each pixel has one"}
        raise InputError(
            f"the {of} was trained on {kinds[saved.overlapping]}, but the data has {kinds[class_table.overlapping]}; "
            f"use the data set that it was trained on"
        )
