"""The text in the JSON of a .pt2 file: names, sizes and conditions on them, nothing that PyTorch could run as code.

The program is not evaluated here, but torch.export.load passes such text to sympify and eval.
"""

import re
from pathlib import Path
from typing import Any

from feedbackward.errors import InputError

_NAME = re.compile(r"[\w.]*")
_NAME_IN_MODULE = re.compile(r"[\w.-]*")
_TEXT = re.compile(r"[\w.,> -]*")
_VERSION = re.compile(r"[\w.+<=]*")
_SIZE = re.compile(
    r"(?:\b(?:Symbol|Integer|Add|Mul|Pow|Max|Min|Mod|PythonMod|FloorDiv|CleanDiv|CeilDiv|Rational"
    r"|Equality|Unequality|StrictLessThan|LessThan|StrictGreaterThan|GreaterThan|And|Or|Not)\("
    r"|'[a-z]+\d+'|\b(?:positive|nonnegative|integer)=True|\b(?:true|false)\b|-?\d|[(), ])*"
)
_CONDITION = re.compile(
    r"(?:L\['\w+'\](?:\.size\(\)\[\d\])?|\b(?:and|or|not)\b|\b(?:Max|Min|Mod|max|min|torch\.sym_max|torch\.sym_min"
    r"|math\.ceil|math\.floor|math\.trunc)\("
    r"|\d|[<>=!]=|[-+*/%<>(), ])*"
)
_STRUCTURE = re.compile(
    r'(?:"(?:type|context|children_spec|null|\[\]|builtins\.(?:tuple|list|dict))"|null|\d|[\[\]{}:, ])*'
)
_FORMS = {
    "fqn": _NAME_IN_MODULE,
    "parameter_name": _NAME_IN_MODULE,
    "buffer_name": _NAME_IN_MODULE,
    "tensor_constant_name": _NAME_IN_MODULE,
    "as_string": _TEXT,
    "as_strings": _TEXT,
    "torch_version": _VERSION,
    "expr_str": _SIZE,
    "guards_code": _CONDITION,
    "in_spec": _STRUCTURE,
    "out_spec": _STRUCTURE,
}
"""The form of text under a key; under any other it is a name."""


def check_strings(program: dict[str, Any], path: Path) -> None:
    """Check that all text of a program has the form that exported networks have.

    Args:
        program: The content of its models/model.json.
        path: The file, for messages.

    Raises:
        InputError: If any has another form; the message shows it.
    """
    left: list[tuple[str, Any]] = [("", program)]
    while left:
        key, value = left.pop()
        if isinstance(value, dict):
            left += value.items()
            left += [("", name) for name in value]
        elif isinstance(value, list):
            left += [(key, each) for each in value]
        elif isinstance(value, str) and not _FORMS.get(key, _NAME).fullmatch(value):
            raise InputError(
                f"{path} was not loaded: it contains {value[:80]!r} as {key or 'a name'}, which PyTorch could run as "
                f"code; export the network again"
            )
