"""The fingerprint of a model: a hash of its files, the same wherever they lie."""

import hashlib
from pathlib import Path

from feedbackward.adapters import find_adapter, is_packaged
from feedbackward.hub_files import fetch

_BESIDE = (".bin", ".json")
"""Suffixes of the second file of some exported formats, which has the stem of the first."""
_SAVED = (".json", ".safetensors")
"""Suffixes of the files of a saved folder that make the network; its card does not."""


def fingerprint(model: str) -> str:
    """The SHA-256 of the files of a model that exists, as 16 hexadecimal digits.

    Args:
        model: Folder of a saved network, checkpoint, exported file, adapter or its name, or id of a network of the hub
            that is in its cache.
    """
    path = Path(model)
    if is_packaged(model):
        path = find_adapter(model)
    if not path.exists():
        path = fetch(model, local_files_only=True)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in _SAVED)
    else:
        files = [path, *(file for file in map(path.with_suffix, _BESIDE) if file.is_file())]
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            while block := content.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:16]
