"""A file imports only from the floors below its own, and the networks stay free of the training engine."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import feedbackward

SOURCE = Path(feedbackward.__file__).parent
FLOORS = (
    {"errors", "lazy", "union_find"},
    {"plain_data", "text_files"},
    {"io", "containers", "classes", "adapters", "hub_files", "machine", "processes"}
    | {"decoder_config", "preprocessing"},
    {"nn", "data", "fingerprint", "task"},
    {"transform", "losses", "metrics", "streets", "importing"},
    {"passes", "viz"},
    {"models", "segmenters"},
    {"exporting", "explaining"},
    {"training", "loading"},
    {"benchmark", "serving"},
    {"cli"},
)
FLOOR_OF = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}
WITHOUT_LIGHTNING = {"nn", "transform", "passes", "models", "segmenters", "exporting", "explaining", "loading"}


def imports(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Every imported name as a dotted path, those inside functions and type-checking blocks too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            yield from ((*base, alias.name) for alias in node.names)


def violations(path: Path, text: str) -> list[str]:
    """The imports of the file at `path`, relative to the package, that it may not have."""
    part = path.parts[0].removesuffix(".py")
    package = ("feedbackward", *path.parts[:-1])
    found = []
    for name in imports(ast.parse(text), package):
        if name[0] in ("lightning", "pytorch_lightning") and part in WITHOUT_LIGHTNING:
            found.append(f"{path} imports {name[0]}, and {part} never does")
        if name[0] != "feedbackward" or part == "__init__":
            continue
        target = name[1] if len(name) > 1 else "the top of the package"
        if target != part and FLOOR_OF.get(target, len(FLOORS)) >= FLOOR_OF[part]:
            found.append(f"{path} imports {target}, which is not below {part}")
    return found


def test_every_part_has_a_floor():
    parts = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in SOURCE.rglob("*.py")}
    assert parts - {"__init__"} <= set(FLOOR_OF)


def test_imports_go_down_only():
    found = [
        violation
        for path in sorted(SOURCE.rglob("*.py"))
        for violation in violations(path.relative_to(SOURCE), path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "text", "allowed"),
    [
        ("transform/walk.py", "from feedbackward.nn.conv import x", True),
        ("transform/walk.py", "from . import rules", True),
        ("transform/walk.py", "from .rules import conv", True),
        ("transform/walk.py", "from ..nn import conv", True),
        ("transform/walk.py", "from ..models import x", False),
        ("transform/walk.py", "def f():\n    import feedbackward.models", False),
        ("transform/walk.py", "from feedbackward import metrics", False),
        ("transform/walk.py", "from feedbackward import errors", True),
        ("transform/walk.py", "import feedbackward", False),
        ("nn/conv.py", "import lightning.pytorch as L", False),
        ("data/cityscapes.py", "import lightning", True),
        ("metrics/scores.py", "from feedbackward.classes import ClassTable", True),
        ("classes.py", "from feedbackward.nn import x", False),
        ("viz/pictures.py", "from feedbackward.errors import InputError", True),
        ("errors.py", "from feedbackward.nn import x", False),
        ("__init__.py", "from feedbackward.models import create_model", True),
    ],
)
def test_a_violation_is_seen(path, text, allowed):
    assert (violations(Path(path), text) == []) == allowed
