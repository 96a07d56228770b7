"""Repositories of the Hugging Face hub: their ids, the files of a model in them, and what went wrong in one line."""

import re
from pathlib import Path
from typing import Any

from feedbackward.errors import InputError, one_line

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
"""The files of a network in its folder or repository."""
ADAPTER_FILE = "adapter.safetensors"
"""The file of an adapter in its repository."""
CARD_FILE = "README.md"
MODEL_FILES = (CONFIG_FILE, WEIGHTS_FILE, ADAPTER_FILE)
"""The only files that are downloaded."""
_ID = re.compile(r"([A-Za-z0-9][\w.-]*/[\w.-]+)(?:@([\w./-]+))?")
_FILES = (".ckpt", ".safetensors")


def is_hub_id(text: object) -> bool:
    """Whether a text has the form of a repository's id, OWNER/NAME or OWNER/NAME@REVISION, and is no path of a file.

    Example:
        >>> is_hub_id("someone/camvid@v1.0"), is_hub_id("runs/best.ckpt"), is_hub_id("./runs/model")
        (True, False, False)
    """
    return isinstance(text, str) and _ID.fullmatch(text) is not None and not text.endswith(_FILES)


def split_revision(hub_id: str) -> tuple[str, str | None]:
    """The repository of an id, and its revision if it has one.

    Example:
        >>> split_revision("someone/camvid@v1.0")
        ('someone/camvid', 'v1.0')
    """
    repository, _, revision = hub_id.partition("@")
    return repository, revision or None


def fetch(hub_id: str, **hub: Any) -> Path:
    """The folder of a repository in the hub's cache, with its files of a model and no others.

    Files that the cache has already are not downloaded again. Offline, or if the hub cannot be reached, the cache is
    enough.

    Args:
        hub_id: OWNER/NAME or OWNER/NAME@REVISION.
        hub: Arguments of huggingface_hub.snapshot_download: revision, cache_dir, token, local_files_only or
            force_download.

    Raises:
        InputError: If there is no such repository or revision, it cannot be reached, or may not be read.
    """
    # A tenth of a second of importing.
    from huggingface_hub import snapshot_download

    if not is_hub_id(hub_id):
        raise InputError(f"{hub_id!r} is neither a local path nor the id of a repository on the hub, OWNER/NAME")
    repository, revision = split_revision(hub_id)
    if revision is not None and hub.get("revision") not in (None, revision):
        raise InputError(f"{hub_id!r} and revision={hub['revision']!r}: two revisions; give one")
    hub["revision"] = hub.get("revision") or revision
    try:
        folder = Path(snapshot_download(repository, allow_patterns=[*MODEL_FILES], **hub))
    except hub_errors() as error:
        raise InputError(f"{hub_id!r} is neither a local path nor available on the hub: {why(error)}") from error
    if not any((folder / name).is_file() for name in MODEL_FILES):
        raise InputError(f"{hub_id!r} has neither {CONFIG_FILE} and {WEIGHTS_FILE} nor {ADAPTER_FILE}, so no model")
    return folder


def hub_errors() -> tuple[type[Exception], ...]:
    """What the hub's client raises where the hub refuses, cannot be reached or is asked for a name that none has."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    http_error = HfHubHTTPError.__mro__[1]  # of the HTTP library, which depends on the version of the hub's client
    assert issubclass(http_error, Exception)
    return (OSError, http_error, HFValidationError)


def why(error: Exception, *, sending: bool = False) -> str:
    """One line about an error of the hub's client: what is wrong, and what to do.

    Args:
        error: The error, one of hub_errors().
        sending: Whether something was to be sent, for which a cache is no help.
    """
    from huggingface_hub import errors

    cache = "" if sending else "it is not in the cache, and "
    status = error.response.status_code if isinstance(error, errors.HfHubHTTPError) else None
    match error:
        case errors.HFValidationError():
            return "expected the id of a repository, OWNER/NAME, of letters, digits, - . and _"
        case errors.GatedRepoError():
            return "its owner grants access on request: ask for it on the repository's page, and log in"
        case errors.RepositoryNotFoundError():
            return "there is no such repository, or it is private: check the name, or log in with `hf auth login`"
        case errors.RevisionNotFoundError():
            return "the repository has no such revision; give a branch, a tag or a commit of it"
        case _ if status == 401:
            return "the token is not valid; log in again with `hf auth login`, or correct HF_TOKEN"
        case _ if status == 403:
            return "the token does not permit that; log in as the owner, with a token that may write"
        case errors.HfHubHTTPError() if status is not None:
            return f"the hub answered {status} ({one_line(error.server_message or error)}); try again later"
        case _ if _is_offline():
            return f"{cache}HF_HUB_OFFLINE forbids the network; unset it"
        case _:
            return f"{cache}the hub cannot be reached ({one_line(error.__cause__ or error)}); check the connection"


def _is_offline() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)
