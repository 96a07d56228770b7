"""What `feedbackward serve` and `feedbackward app` have in common: their options, and the start of the server."""

import re
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from ipaddress import ip_address
from typing import TYPE_CHECKING

from jsonargparse import Namespace
from jsonargparse.typing import NonNegativeInt, PositiveInt, restricted_number_type

from feedbackward.cli.model_argument import MODEL_HELP, add_backbone
from feedbackward.cli.parser import CommandParser
from feedbackward.errors import InputError

if TYPE_CHECKING:
    from feedbackward.serving.offered import Offer

LOOPBACK = ("localhost", "127.0.0.1", "::1")
PORT = 8000
Limit = restricted_number_type("Limit", float, [(">", 0), ("<=", 1_000_000)], docstring="A number above 0, and finite.")


def add_server_arguments(parser: CommandParser, *, models: str) -> None:
    """Add MODEL and the options of a server to a parser; `run_server` reads them.

    Args:
        parser: The parser.
        models: How many models there are, as `nargs` of argparse.
    """
    parser.add_argument("model", nargs=models, help=MODEL_HELP)
    add_backbone(parser)
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps, ... (the accelerator)")
    parser.add_argument(
        "--batch-size", type=PositiveInt, default=8, metavar="N", help="images of one size at a time at most (8)"
    )
    reached = parser.add_argument_group("how it is reached")
    reached.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 lets other machines in (%(default)s)"
    )
    reached.add_argument("--port", type=NonNegativeInt, default=PORT, help="port; 0 for any that is free (%(default)s)")
    reached.add_argument(
        "--allow-host",
        nargs="+",
        default=[],
        metavar="NAME",
        help="names by which a reverse proxy or others reach it (those of this machine alone)",
    )
    taken = parser.add_argument_group("what it takes")
    taken.add_argument("--max-bytes", type=PositiveInt, default=64 << 20, metavar="N", help="of an upload (64 MiB)")
    taken.add_argument("--max-megapixels", type=Limit, default=100.0, metavar="N", help="of an image (100)")
    taken.add_argument("--decode-seconds", type=Limit, default=30.0, metavar="N", help="for decoding an image (30)")
    taken.add_argument("--keep-minutes", type=Limit, default=30.0, metavar="N", help="for which a result is kept (30)")


def check_installed() -> None:
    """Check that the extra is installed.

    Raises:
        InputError: If it is not.
    """
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise InputError("the server needs Starlette and uvicorn: pip install 'feedbackward[app]'")


def run_server(
    options: Namespace,
    offers: Sequence["Offer"],
    *,
    page: bool,
    load: bool,
    on_start: Callable[[str], None] | None = None,
) -> None:
    """Serve networks until the process is told to end.

    Args:
        options: What the parser returns.
        offers: The networks.
        page: Whether to serve the page too.
        load: Whether to load the networks before the start, instead of when they are first needed.
        on_start: Called with the address, once it is listened on.

    Raises:
        InputError: If a network cannot be loaded, the address cannot be listened on, or a backbone is for no adapter.
    """
    from feedbackward.serving.application import create_app
    from feedbackward.serving.limits import Limits
    from feedbackward.serving.running import listen, run_until_told
    from feedbackward.serving.service import Service

    if options.backbone is not None and all(offer.kind == "network" for offer in offers):
        raise InputError(
            "--backbone is for adapters, and there are only networks, which contain their encoder; omit it"
        )
    names = {_checked_name(name) for name in options.allow_host}
    limits = Limits(
        upload_bytes=options.max_bytes,
        megapixels=options.max_megapixels,
        decode_seconds=options.decode_seconds,
        result_seconds=options.keep_minutes * 60,
    )
    with ExitStack() as held:
        listening = held.enter_context(listen(options.host, int(options.port)))
        service = Service(
            offers, limits=limits, batch_size=options.batch_size, backbone=options.backbone, device=options.device
        )
        held.callback(service.results.close)
        if load:
            service.load_all()
        is_open = not ip_address(listening.getsockname()[0]).is_loopback
        hosts = None if is_open and not names else {*LOOPBACK, options.host.lower(), *names}
        app = create_app(service, page=page, hosts=hosts, origins=names)
        name = f"[{options.host}]" if ":" in options.host else options.host
        address = f"http://{name}:{listening.getsockname()[1]}/"
        _say(f"{'page' if page else 'API'}: {address} (Ctrl-C ends it)")
        if is_open:
            _say("other machines can reach it without a password: whoever can may send images and use this machine")
        if on_start is not None:
            on_start(address)
        run_until_told(app, listening)


def _checked_name(name: str) -> str:
    """A name of --allow-host as it is compared.

    Raises:
        InputError: If it is an address of a page, or has a port, and would never be met.
    """
    if re.fullmatch(r"[\w.-]+|[\da-f:]*:[\da-f:.]+", name, re.ASCII | re.IGNORECASE) is None or name.count(":") == 1:
        raise InputError(f"--allow-host is {name!r}; expected a name without http:// and port, such as example.org")
    return name.lower()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
