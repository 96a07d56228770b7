"""How the processes that decode uploads are started: by a new interpreter, which shares nothing with the server."""

import os
import sys
from types import ModuleType


def worker_command(module: ModuleType) -> tuple[str, ...]:
    """The command that runs a module of the package."""
    return sys.executable, "-m", module.__name__


def worker_environment() -> dict[str, str]:
    """The environment of a process: modules of the current folder, which may be anybody's, are not imported."""
    return {**os.environ, "PYTHONSAFEPATH": "1"}
