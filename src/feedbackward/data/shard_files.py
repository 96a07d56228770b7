"""WebDataset's convention: the members of a tar with one key are a sample, and a key ends at the first dot.

KEY.jpg (or another suffix of images) is an image, KEY.mask.png or KEY.seg.png its mask.
"""

import glob
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from feedbackward.data.arguments import SPLITS, Split
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.data.members import Member
from feedbackward.data.tar_index import list_members
from feedbackward.data.tars import Tar, find_tars, open_tar
from feedbackward.errors import InputError

SHARD_SUFFIX = ".tar"
MASKS = ("mask", "seg")
COMPANIONS = (".json", ".txt", ".cls")
"""What may lie beside an image and its mask, and is not read."""
THREADS = 8

_NAME = re.compile(r"((?:.*/)?[^./]+)\.([^/]+)")


@dataclass(frozen=True)
class Shard:
    """The images and masks of a tar by their keys."""

    tar: Tar
    images: dict[str, Member] = field(default_factory=dict)
    masks: dict[str, Member] = field(default_factory=dict)


@dataclass(frozen=True)
class Shards:
    """What was found in tars.

    Args:
        shards: The content of each.
        left_out: The names of the other members, by the reason.
    """

    shards: Sequence[Shard]
    left_out: Mapping[str, Sequence[Path]]


def read_shards(patterns: Iterable[str]) -> Shards:
    """Find tars and list their images and masks, without reading these.

    Args:
        patterns: Those of find_tars.

    Raises:
        InputError: If there is none or one is damaged, a member has an unknown suffix, or two files are of one kind and
            key.
    """
    addresses = find_tars(patterns)
    left_out = defaultdict[str, list[Path]](list)
    with ThreadPoolExecutor(THREADS) as pool:  # for tars behind URLs, whose servers answer slowly
        tars = list(pool.map(open_tar, addresses))
        members = list(pool.map(list_members, tars))
    shards = [_sort(tar, found, left_out) for tar, found in zip(tars, members, strict=True)]
    for kind in ("images", "masks"):
        seen = dict[str, Member]()
        for shard in shards:
            for key, member in getattr(shard, kind).items():
                if member is not seen.setdefault(key, member):
                    raise InputError(f"{seen[key]} and {member} have the same key; expected each key in one tar, once")
    return Shards(shards, left_out)


def split_patterns(root: Path) -> dict[Split, str]:
    """The patterns of the tars in a folder that are named by their splits, such as train-000.tar."""
    return {
        split: f"{glob.escape(str(root))}/{split}-*{SHARD_SUFFIX}"
        for split in SPLITS
        if any(root.glob(f"{split}-*{SHARD_SUFFIX}"))
    }


def _sort(tar: Tar, members: Iterable[Member], left_out: defaultdict[str, list[Path]]) -> Shard:
    shard = Shard(tar)
    for member in members:
        path = Path(member.name)
        if path.name.startswith("."):
            left_out["hidden"].append(path)
            continue
        match = _NAME.fullmatch(member.name)
        key, kind, suffix = (match[1], *_kind_and_suffix(match[2])) if match else ("", "", "")
        if suffix in COMPANIONS:
            left_out["of another type"].append(path)
            continue
        if suffix not in IMAGE_SUFFIXES or kind not in ("", *MASKS):
            raise InputError(
                f"{tar}: the member {member.name} is neither an image nor a mask; expected KEY.jpg (or another of "
                f"{' '.join(IMAGE_SUFFIXES)}) with KEY.mask.png or KEY.seg.png, where KEY has no dot; "
                f"{' '.join(COMPANIONS)} are left out"
            )
        files = shard.masks if kind else shard.images
        if key in files:
            what = "masks" if kind else "images"
            raise InputError(
                f"{tar}: {files[key].name} and {member.name} are two {what} of one key; remove one of them"
            )
        files[key] = member
    return shard


def _kind_and_suffix(extension: str) -> tuple[str, str]:
    """What follows a key, "mask.png", as "mask" and ".png"."""
    kind, _, suffix = extension.lower().rpartition(".")
    return kind, f".{suffix}"
