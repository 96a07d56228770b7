"""Publishing networks and adapters on the Hugging Face hub, one in each repository."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token

from feedbackward.adapters import find_adapter, is_packaged
from feedbackward.errors import InputError, one_line
from feedbackward.hub_files import (
    ADAPTER_FILE,
    CARD_FILE,
    CONFIG_FILE,
    MODEL_FILES,
    WEIGHTS_FILE,
    hub_errors,
    is_hub_id,
    split_revision,
    why,
)
from feedbackward.models.adapted import described_by
from feedbackward.models.adapter import is_adapter, read_adapter
from feedbackward.models.card import addressed
from feedbackward.models.network import SegmentationNetwork
from feedbackward.models.saved import load_network


def push_to_hub(
    model: SegmentationNetwork | str | os.PathLike[str],
    repository: str,
    *,
    private: bool | None = None,
    branch: str | None = None,
    token: str | None = None,
) -> str:
    """Publish a network or an adapter on the hub, in one commit, with its card.

    The card of a training, with scores, recipe and the command that repeats it, is README.md in the folder of the
    network, or the .md file next to the adapter, and is published as it is. Without one, a card is made of what the
    network knows of itself. A repository contains one model: a network that was there before is removed by an adapter,
    and the other way round; its history keeps both.

    Args:
        model: The folder of a saved network, a checkpoint, the file of an adapter, or a network.
        repository: OWNER/NAME on the hub, which is created if it is missing.
        private: Whether a new repository is private; by default as its owner has chosen for all.
        branch: An existing branch; by default main.
        token: The token of the hub; by default that of `hf auth login` or of HF_TOKEN.

    Returns:
        The address of the repository.

    Raises:
        InputError: If there is no such model or it is damaged, nobody is logged in, or the hub cannot be reached or
            refuses; then nothing was published.

    Example:
        >>> push_to_hub("runs/leaves/model", "someone/leaves")  # doctest: +SKIP
        'https://huggingface.co/someone/leaves'
    """
    if not is_hub_id(repository) or split_revision(repository)[1] is not None:
        raise InputError(f"{repository!r} is not the id of a repository; expected OWNER/NAME, such as someone/leaves")
    if token is None and get_token() is None:
        raise InputError("not logged in to the hub; run `hf auth login`, or put a token that may write into HF_TOKEN")
    with TemporaryDirectory() as folder:
        files = _files(model, Path(folder))
        card = addressed(files[CARD_FILE].read_text(encoding="utf-8"), repository)
        changes = [CommitOperationAdd(name, path) for name, path in files.items() if name != CARD_FILE]
        api = HfApi(token=token)
        try:
            url = api.create_repo(repository, private=private, exist_ok=True)
            old = {*MODEL_FILES} & {*api.list_repo_files(repository, revision=branch)} - files.keys()
            api.create_commit(
                repository,
                [CommitOperationAdd(CARD_FILE, card.encode()), *changes, *map(CommitOperationDelete, sorted(old))],
                commit_message="Upload with feedbackward",
                revision=branch,
            )
        except hub_errors() as error:
            raise InputError(f"{repository}: {why(error, sending=True)}") from error
        except ValueError as error:  # the hub has read the card
            raise InputError(f"{repository}: {one_line(error)}; correct the card {files[CARD_FILE]}") from error
    return str(url)


def _files(model: SegmentationNetwork | str | os.PathLike[str], folder: Path) -> dict[str, Path]:
    """The files to publish, by their names in the repository; those that do not exist yet are written to the folder.

    Raises:
        InputError: If they are no model that can be loaded.
    """
    if isinstance(model, SegmentationNetwork):
        model.save_pretrained(folder)
        return {name: folder / name for name in (CARD_FILE, CONFIG_FILE, WEIGHTS_FILE)}
    path = find_adapter(os.fspath(model)) if is_packaged(os.fspath(model)) else Path(model)
    if not (path.is_file() or path.is_dir()):
        raise InputError(
            f"no such model: {path}; expected the folder of a saved network, such as runs/leaves/model, a checkpoint "
            f"or an adapter"
        )
    if is_adapter(path):
        return _adapter_files(path, folder)
    network = load_network(path)
    if not path.is_dir():
        return _files(network, folder)
    card = path / CARD_FILE
    if not card.is_file():
        card = folder / CARD_FILE
        network.generate_model_card().save(card)
    return {CARD_FILE: card, CONFIG_FILE: path / CONFIG_FILE, WEIGHTS_FILE: path / WEIGHTS_FILE}


def _adapter_files(path: Path, folder: Path) -> dict[str, Path]:
    network, card = described_by(path), path.with_suffix(".md")
    if not card.is_file():
        card = folder / CARD_FILE
        network.generate_adapter_card(path, scores=read_adapter(path).scores).save(card)
    return {CARD_FILE: card, ADAPTER_FILE: path}
