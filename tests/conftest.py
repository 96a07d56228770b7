"""Checks the shapes in the types of public tensor functions while the tests run."""

from jaxtyping import install_import_hook

install_import_hook(["feedbackward.nn", "feedbackward.losses", "feedbackward.metrics"], "beartype.beartype")

collect_ignore = ["fixtures"]
