"""`feedbackward serve`: networks behind an HTTP API, with batches across requests, health and metrics."""

from feedbackward.cli.model_argument import split_models
from feedbackward.cli.parser import CommandParser, PlainHelpFormatter, command_parser
from feedbackward.cli.server_arguments import add_server_arguments, check_installed, run_server

DESCRIPTION = "Serve networks over HTTP: send an image, get its classes. Its OpenAPI document is at /openapi.json."
EXAMPLES = """\
examples:
  feedbackward serve runs/mine/model
  feedbackward serve leaves.safetensors,roads.safetensors runs/mine/model --port 9000 --batch-size 16
  curl --data-binary @photo.jpg 'http://127.0.0.1:8000/api/segment?output=masks' --output mask.png
"""


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward serve` and run it."""
    options = build_parser().parse_args(args)
    check_installed()
    from feedbackward.serving.offered import offer_given

    run_server(options, offer_given(map(split_models, options.model)), page=False, load=True)


def build_parser() -> CommandParser:
    """The parser of `feedbackward serve`."""
    parser = command_parser(
        "serve",
        DESCRIPTION,
        usage="feedbackward serve MODEL... [options]",
        epilog=EXAMPLES,
        formatter_class=PlainHelpFormatter,
    )
    add_server_arguments(parser, models="+")
    return parser
