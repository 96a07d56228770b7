"""`feedbackward app`: a page in the browser that segments images and shows the results."""

import os
import sys
import webbrowser

from feedbackward.cli.model_argument import split_models
from feedbackward.cli.parser import CommandParser, PlainHelpFormatter, command_parser
from feedbackward.cli.server_arguments import add_server_arguments, check_installed, run_server

DESCRIPTION = """\
Open a page on which images and videos are segmented by drag and drop. It is served from this machine, to it alone.
Without MODEL it offers the networks of runs/ in this folder and the adapters that come with the package."""
EXAMPLES = """\
examples:
  feedbackward app
  feedbackward app runs/mine/model camvid.onnx
  feedbackward app coffee_leaves nuclei --backbone tf_efficientnet_lite0.safetensors --no-browser
"""


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward app` and run it."""
    options = build_parser().parse_args(args)
    check_installed()
    from feedbackward.serving.offered import offer_given, offer_what_is_here

    given = bool(options.model)
    offers = offer_given(map(split_models, options.model)) if given else offer_what_is_here()
    opened = _open if options.browser else None
    # Networks that were named are wanted: what is wrong with one is said now.
    run_server(options, offers, page=True, load=given, on_start=opened)


def build_parser() -> CommandParser:
    """The parser of `feedbackward app`."""
    parser = command_parser(
        "app",
        DESCRIPTION,
        usage="feedbackward app [MODEL...] [options]",
        epilog=EXAMPLES,
        formatter_class=PlainHelpFormatter,
    )
    add_server_arguments(parser, models="*")
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="only print the address of the page, do not open it"
    )
    return parser


def _open(address: str) -> None:
    """Open the page where there is a screen: elsewhere a browser in the terminal would hide the address."""
    if sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)
