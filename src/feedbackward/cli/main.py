"""The entry point: `feedbackward COMMAND ...` imports cli/COMMAND.py only and passes the arguments to it."""

import sys
import traceback
from importlib import import_module

from feedbackward.errors import InputError, explain_failure, nearest
from feedbackward.processes import check_launched, is_launched

COMMANDS = {
    "demo": "train, score and predict on synthetic streets, within minutes",
    "train": "train a network on a folder of images and annotations",
    "inspect": "check a data set: its classes, its splits and all that is wrong with it",
    "convert": "write a data set of another tool or layout as folders of images and masks",
    "fit": "train a network from a recipe",
    "validate": "score a trained network on the validation images",
    "test": "score a trained network on the test images",
    "compare": "compare trainings side by side, as a page",
    "predict": "predict the masks of an image or a folder, with overlays",
    "app": "segment images on a page in the browser",
    "serve": "serve networks over HTTP, with batches across requests",
    "explain": "explain a prediction as a page: signals, skip connections, Grad-CAM, calibration",
    "export": "export a trained network to a file for another runtime",
    "quantize": "export a trained network to an ONNX file of 8-bit integers",
    "push": "publish a trained network or an adapter on the Hugging Face hub",
    "evaluate": "score a folder of predictions against the ground truth",
    "benchmark": "time, memory and file size of several networks",
    "encoders": "list the architectures of timm and which of them can be encoders",
    "info": "print the parameters, the cost and the decoder of a network",
    "streets": "write synthetic street scenes as a data set",
    "completion": "print a script with which a shell completes commands and options",
}
DEBUG = "--debug"
_STAGES = ("fit", "validate", "test")
_SHARED = (*_STAGES, "predict", "evaluate")
"""The commands whose work several processes share."""


def main(args: list[str] | None = None) -> None:
    """Run one command; what is wrong with its input becomes one line on stderr and exit status 2.

    A FailureError, of work that began, becomes exit status 1. With --debug the traceback is printed too.

    Args:
        args: The command and its arguments; those of the process if None.
    """
    arguments = sys.argv[1:] if args is None else args
    try:
        _dispatch([argument for argument in arguments if argument != DEBUG])
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        explained = explain_failure(error)
        if explained is None:
            raise
        message, status = explained
        if DEBUG in arguments:
            traceback.print_exception(error)
        sys.stderr.write(f"error: {message}\n")
        sys.exit(status)


def _dispatch(args: list[str]) -> None:
    if not args or args[0] in ("-h", "--help"):
        sys.stdout.write(_usage())
        return
    command, rest = args[0], args[1:]
    if command == "--version":
        from importlib.metadata import version

        sys.stdout.write(f"feedbackward {version('feedbackward')}\n")
    elif command in COMMANDS and command not in _SHARED and is_launched():
        raise InputError(f"{command} runs in one process; start it without torchrun, which is for {', '.join(_SHARED)}")
    elif command in _STAGES:
        check_launched()
        import_module("feedbackward.cli.fit").main(command, rest)
    elif command in COMMANDS:
        import_module(f"feedbackward.cli.{command}").main(rest)
    else:
        raise InputError(f"unknown command {command!r}; {nearest(command, COMMANDS)}")


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items()]
    return "\n".join(
        [
            "usage: feedbackward COMMAND [arguments]",
            "       feedbackward COMMAND --help",
            "       feedbackward --version",
            "",
            *lines,
            "",
            f"{DEBUG} with any command prints the traceback of an error too.",
            "",
        ]
    )
