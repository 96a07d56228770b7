"""Writes docs/rules.md from the registry: python docs/make_rules.py."""

import re
from collections import defaultdict
from pathlib import Path

from feedbackward.transform.registry import REGISTRY, Rule, Target, describe

PAGE = Path(__file__).with_name("rules.md")
HEAD = """\
# Rules

What the decoder does at each operation of an encoder, made from the registry by
`docs/make_rules.py`. A value that is used several times gets the sum of its signals. An encoder
with any other operation on the signal's path is refused before anything is built
([how to add a rule](new_rule.md)).

| rule | operations | in the decoder |
| --- | --- | --- |
"""
SHORT = {
    r"^torch\.nn\.modules\.\w+\.": "nn.",
    r"^torch\.nn\.functional\.|^torch\._C\._nn\.": "F.",
    r"^timm\.layers\.\w+\.": "timm.layers.",
    r"^timm\.models\.": "",
}
"""The short form of operations, by the start of their full names."""


def page() -> str:
    """The page as Markdown."""
    operations = defaultdict[Rule, list[Target]](list)
    for target, rule in REGISTRY:
        operations[rule].append(target)
    lines = [
        f"| {rule.__name__} | {', '.join(f'`{_name(target)}`' for target in targets)} | {_first_line(rule)} |"
        for rule, targets in operations.items()
    ]
    return HEAD + "\n".join(lines) + "\n"


def _name(target: Target) -> str:
    name = describe(target)
    for pattern, home in SHORT.items():
        name = re.sub(pattern, home, name)
    return name


def _first_line(rule: Rule) -> str:
    assert rule.__doc__ is not None
    return rule.__doc__.strip().splitlines()[0]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
