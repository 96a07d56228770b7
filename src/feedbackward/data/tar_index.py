"""The files in a tar and where they begin: read once from its headers, then remembered."""

import tarfile
from io import BufferedReader, RawIOBase, UnsupportedOperation
from pathlib import PurePosixPath
from typing import Any

from feedbackward.data.members import Member
from feedbackward.data.remembered import recall, remember
from feedbackward.data.tars import Tar
from feedbackward.errors import FailureError, InputError, one_line

AHEAD = 1 << 20
"""Bytes that are read together: of small members this contains several headers."""


def list_members(tar: Tar) -> list[Member]:
    """The files in a tar, in its order; directories are left out.

    Raises:
        InputError: If it cannot be read, is compressed, damaged or cut off, or has a member that is not a file, has a
            name that leads out of a folder, or has the name of another.
    """
    stored = recall("index", tar.state)
    if stored is None:
        stored = _scan(tar)
        remember(stored, "index", tar.state)
    return [Member(tar, name, offset, size) for name, offset, size in stored]


def _scan(tar: Tar) -> list[tuple[str, int, int]]:
    members = dict[str, tuple[str, int, int]]()
    end = 0
    try:
        with tarfile.open(fileobj=BufferedReader(_TarBytes(tar), AHEAD), mode="r:") as archive:
            for info in archive:
                _check(info, tar)
                end = info.offset_data + -(-info.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
                if info.isdir():
                    continue
                name = str(PurePosixPath(info.name))  # without the ./ of `tar -C FOLDER .`
                if name in members:
                    raise InputError(
                        f"{tar} has two members of the name {name}; expected different names: make it again"
                    )
                members[name] = name, info.offset_data, info.size
        complete = end + tarfile.BLOCKSIZE <= tar.size and not any(tar.read(end, tarfile.BLOCKSIZE))
    except InputError:
        raise
    except FailureError as error:
        raise InputError(str(error)) from error
    except MemoryError:
        raise
    except Exception as error:  # tarfile raises almost any exception if a header is damaged
        reason = one_line(error) or type(error).__name__
        raise InputError(
            f"{tar} is not a tar that can be read: {reason}; expected a whole tar that is not compressed: make or copy "
            f"it again"
        ) from error
    if not complete:
        last = f"after the member {name}" if members else "at its beginning"
        raise InputError(f"{tar} is cut off or damaged {last}: no end or header follows; make or copy it again")
    return list(members.values())


def _check(info: tarfile.TarInfo, tar: Tar) -> None:
    """Refuse what is not a file in the tar, and names that lead elsewhere."""
    if not (info.isreg() or info.isdir()) or info.issparse():
        kind = "link" if info.issym() or info.islnk() else "sparse file" if info.issparse() else "device or pipe"
        raise InputError(f"{tar}: the member {info.name} is a {kind}; expected files: make it again from files")
    if info.name.startswith("/") or ".." in info.name.split("/") or "\\" in info.name:
        raise InputError(
            f"{tar}: the member {info.name} is not named by a path below a folder; expected names such as "
            f"train/KEY.jpg: make it again with `tar -C FOLDER`"
        )
    if not 0 <= info.size <= tar.size - info.offset_data:
        raise InputError(
            f"{tar} is cut off or damaged: the member {info.name} says that it has {info.size} bytes, and "
            f"{tar.size - info.offset_data} follow; make or copy it again"
        )


class _TarBytes(RawIOBase):
    """The bytes of a tar as a file."""

    def __init__(self, tar: Tar) -> None:
        super().__init__()
        self._tar, self._place = tar, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 2:
            raise UnsupportedOperation
        self._place = offset if whence == 0 else self._place + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        content = self._tar.read(self._place, max(0, min(len(buffer), self._tar.size - self._place)))
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)
