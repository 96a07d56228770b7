"""Checks of plain data from JSON, YAML and checkpoints: the keys and types that the code then relies on."""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, TypeAlias

from feedbackward.errors import InputError

Form: TypeAlias = "type | tuple[Form, ...] | list[Form] | Mapping[str, Form] | None"
"""What a value should be: of a type (a float may be a whole number), one of several forms, a list of a form, or a
mapping with at least these keys; None: the value is null."""


def check_form(value: object, form: Form, *, source: object, advice: str, name: str = "") -> None:
    """Check that plain data has a form.

    Args:
        value: The data.
        form: What it should be.
        source: Where it comes from, for messages.
        advice: What to do; the end of the message.
        name: The dotted name of the value in the source, for messages.

    Raises:
        InputError: If it has another; the message names the value.

    Example:
        >>> check_form({"epoch": "x"}, {"epoch": int}, source="metrics.json", advice="restore it")
        Traceback (most recent call last):
        ...
        feedbackward.errors.InputError: metrics.json: epoch is 'x'; expected a whole number: restore it
    """
    if not _has_form(value, form):
        what = name or "the content"
        raise InputError(f"{source}: {what} is {_shown(value)}; expected {_describe(form)}: {advice}")
    if isinstance(form, list) and isinstance(value, list | tuple):
        for index, item in enumerate(value):
            check_form(item, form[0], source=source, advice=advice, name=f"{name}[{index}]")
    if isinstance(form, Mapping) and isinstance(value, Mapping):
        for key, of_key in form.items():
            below = f"{name}.{key}".lstrip(".")
            if key not in value:
                raise InputError(f"{source}: {below} is missing; expected {_describe(of_key)}: {advice}")
            check_form(value[key], of_key, source=source, advice=advice, name=below)
    if isinstance(form, tuple):
        fitting = next(each for each in form if _has_form(value, each))
        check_form(value, fitting, source=source, advice=advice, name=name)


_NUMBERS: dict[type, type] = {int: Integral, float: Real}  # those of NumPy too
_NAMES: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    dict: "names with values",
    list: "a list",
}


def _has_form(value: object, form: Form) -> bool:
    """Whether a value has a form at its own level."""
    if form is None:
        return value is None
    if isinstance(form, tuple):
        return any(_has_form(value, each) for each in form)
    if isinstance(form, list):
        return isinstance(value, list | tuple)
    if isinstance(form, Mapping):
        return isinstance(value, Mapping)
    if isinstance(value, bool):
        return form is bool
    return isinstance(value, _NUMBERS.get(form, form))


def _describe(form: Form) -> str:
    if form is None:
        return "nothing"
    if isinstance(form, tuple):
        return " or ".join(map(_describe, form))
    if isinstance(form, list):
        return _NAMES[list]
    if isinstance(form, Mapping):
        return _NAMES[dict]
    return _NAMES.get(form, form.__name__)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
