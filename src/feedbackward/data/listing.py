"""Listing the files of a folder."""

from pathlib import Path

from feedbackward.errors import InputError


def list_files(folder: Path, suffixes: tuple[str, ...], *, ending: str = "") -> dict[str, Path]:
    """The files of a folder, sorted, by stem without the ending; hidden files are skipped.

    Args:
        folder: The folder; subfolders are not searched.
        suffixes: Accepted suffixes, in lower case.
        ending: What the stem must end with.

    Raises:
        InputError: If the folder is missing, or two files have the same stem.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {folder}")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in suffixes or not path.stem.endswith(ending):
            continue
        name = path.stem.removesuffix(ending)
        if name in found:
            raise InputError(f"{found[name]} and {path} have the same name; remove or rename one of them")
        found[name] = path
    return found
