"""The files of onnxruntime-web, from its npm package: of a folder, or of the registry, checked and cached."""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from feedbackward.errors import InputError, one_line
from feedbackward.io import cache_folder, check_writable, nearest_existing
from feedbackward.plain_data import check_form
from feedbackward.text_files import read_json

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""The hash of the package's archive, as npm writes it into lock files."""
FILES = {
    "ort.wasm.min.mjs": "wasm.js",
    "ort-wasm-simd-threaded.mjs": "wasm-module.js",
    "ort-wasm-simd-threaded.wasm": "wasm.wasm",
    "ort.webgpu.min.mjs": "webgpu.js",
    "ort-wasm-simd-threaded.asyncify.mjs": "webgpu-module.js",
    "ort-wasm-simd-threaded.asyncify.wasm": "webgpu.wasm",
}
"""The files that the page needs, by their names in the package, and what they are called beside the page.

There are two builds: the one with WebGPU runs the layers that it leaves to the processor at a third of the speed.
Some servers send .mjs with a type that browsers refuse; all know .js.
"""
_SECONDS = 600


def find_runtime(package: Path | None = None) -> Path:
    """Find the folder that contains the runtime's files.

    Args:
        package: The unpacked package, such as node_modules/onnxruntime-web; by default `npm pack` fetches it once, and
            it is kept in the user's cache.

    Raises:
        InputError: If that is not that version of the package, or npm is not installed or cannot fetch it.
    """
    if package is not None:
        _check_package(package)
        return package / "dist"
    cached = cache_folder() / f"{PACKAGE}-{VERSION}"
    if not cached.is_dir():
        _fetch(cached)
    return cached


def copy_runtime(source: Path, folder: Path) -> None:
    """Copy the files from the folder that find_runtime returned into a new folder beside the page."""
    folder.mkdir()
    for name, target in FILES.items():
        shutil.copyfile(source / name, folder / target)


def _check_package(folder: Path) -> None:
    expected = f"expected the unpacked npm package {PACKAGE}@{VERSION}"
    file = folder / "package.json"
    if not file.is_file():
        raise InputError(f"--web-runtime {folder} has no package.json; {expected}")
    advice = f"{expected}: install it again"
    package = read_json(file, advice=advice)
    check_form(package, {"name": str, "version": str}, source=str(file), advice=advice)
    if (package["name"], package["version"]) != (PACKAGE, VERSION):
        raise InputError(f"--web-runtime {folder} is {package['name']}@{package['version']}; {expected}")
    if missing := [name for name in FILES if not (folder / "dist" / name).is_file()]:
        raise InputError(f"--web-runtime {folder} has no dist/{missing[0]}; {advice}")


def _fetch(target: Path) -> None:
    """Download the package, check it, and move the files that the page needs into place."""
    npm = shutil.which("npm")
    remedy = f"give --web-runtime FOLDER, the unpacked package {PACKAGE}@{VERSION}"
    if npm is None:
        raise InputError(
            f"the page needs {PACKAGE} {VERSION}, which npm downloads once, and npm is not installed here; install "
            f"Node.js, or {remedy}"
        )
    parent = nearest_existing(target.parent)
    check_writable(parent, what=f"the cache {target.parent}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as folder:
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--json", "--pack-destination", folder]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise InputError(f"npm did not download {PACKAGE} within {_SECONDS} s; try again, or {remedy}") from error
        if done.returncode:
            reason = _npm_error(done.stdout) or one_line(done.stderr)
            raise InputError(f"npm cannot download {PACKAGE} {VERSION} ({reason}); connect once, or {remedy}")
        (archive,) = Path(folder).glob("*.tgz")
        if (found := _integrity(archive)) != INTEGRITY:
            raise InputError(
                f"npm downloaded another {PACKAGE} {VERSION} than expected: its hash is {found}, not {INTEGRITY}; "
                f"check the registry that npm uses, or {remedy}"
            )
        draft = Path(folder, "files")
        draft.mkdir()
        with tarfile.open(archive) as tar:
            for name in FILES:
                member = tar.extractfile(f"package/dist/{name}")
                assert member is not None
                with member, (draft / name).open("wb") as file:
                    shutil.copyfileobj(member, file)
        if not target.is_dir():  # another command may have been faster
            draft.replace(target)


def _npm_error(printed: str) -> str:
    """The summary in the JSON that npm prints when it fails."""
    try:
        error = json.loads(printed)["error"]
        return one_line(error.get("summary") or error.get("code") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _integrity(file: Path) -> str:
    digest = hashlib.sha512(file.read_bytes()).digest()
    return f"sha512-{base64.b64encode(digest).decode()}"
