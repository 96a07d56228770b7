"""Mutates a file for each reader with atheris, which is guided by the code that a file reaches.

Usage: python tests/fuzz/coverage_guided.py SECONDS [READER [FILE]], with SECONDS for each reader, all by default.
A file that ends a reader in anything but an InputError is kept in build/fuzz/READER; given as FILE, it is read again.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["feedbackward", "yaml"]):
    from readers import READERS, Reader

CORPORA = Path("build/fuzz")


def main(seconds: str, name: str | None = None, file: str | None = None) -> None:
    """Fuzz one reader, or all of them, each in a process of its own.

    Raises:
        SystemExit: If a reader fails.
    """
    if name is None:
        command = [sys.executable, __file__, seconds]
        failed = [each for each in READERS if subprocess.run([*command, each], check=False).returncode]
        raise SystemExit(f"error: readers that failed: {', '.join(failed)}; see {CORPORA}" if failed else 0)
    with tempfile.TemporaryDirectory() as folder:
        READERS[name].create(Path(folder))
        if file is not None:
            READERS[name].try_bytes(Path(folder), Path(file).read_bytes())
        else:
            fuzz(READERS[name], Path(folder), seconds=seconds, corpus=CORPORA / name.replace(" ", "_"))


def fuzz(reader: Reader, folder: Path, *, seconds: str, corpus: Path) -> None:
    """Mutate the file of a reader; ends the process."""
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "valid").write_bytes(reader.files[reader.changed])
    limits = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096", "-max_len=4096"]
    atheris.Setup(
        [sys.argv[0], str(corpus), f"-artifact_prefix={corpus}/failed-", "-print_final_stats=1", *limits],
        lambda content: reader.try_bytes(folder, content),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
