"""Reading JSON files of annotations."""

import json
from pathlib import Path
from typing import Any

from feedbackward.errors import InputError


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        InputError: If it cannot be read, or is not JSON in UTF-8.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON: {error}; export or copy it again") from error
