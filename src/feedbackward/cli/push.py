"""`feedbackward push`: publishes a trained network or an adapter on the Hugging Face hub, with its card."""

from rich import get_console
from rich.text import Text

from feedbackward.cli.parser import CommandParser, command_parser


def build_parser() -> CommandParser:
    """The parser of `feedbackward push`."""
    parser = command_parser(
        "push",
        "Publish a trained network or an adapter on the Hugging Face hub, with its card. Log in first: hf auth login.",
    )
    parser.add_argument("model", help="saved folder, checkpoint (.ckpt) or adapter, such as runs/leaves/model")
    parser.add_argument("repository", help="OWNER/NAME on the hub; created if it is missing")
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument("--branch", metavar="NAME", help="existing branch of the repository (main)")
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward push` and run it."""
    options = build_parser().parse_args(args)
    from feedbackward.models.sharing import push_to_hub

    url = push_to_hub(options.model, options.repository, private=options.private or None, branch=options.branch)
    revision = "" if options.branch is None else f"@{options.branch}"
    for line in (url, f"predict with: feedbackward predict {options.repository}{revision} IMAGES"):
        get_console().print(Text(line), soft_wrap=True)
