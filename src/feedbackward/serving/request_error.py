"""Errors of requests: one line, as everywhere, and the status of HTTP."""

import errno
import logging

from feedbackward.errors import FailureError, InputError, explain_failure, is_out_of_memory

NOT_WRITTEN = "the server cannot write its temporary files; try again later, or free some of its disk"
_log = logging.getLogger(__name__)


class RequestError(InputError):
    """What is wrong with a request.

    Args:
        status: The status of the answer, 400 to 599.
        message: What was found, what was expected and what to do.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def explained(error: BaseException) -> RequestError:
    """An error as that of a request; one of the program is logged with its traceback, and kept from the client."""
    if isinstance(error, RequestError):
        return error
    if is_out_of_memory(error):
        return RequestError(503, "the server's memory is full; try again later, or send a smaller image")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RequestError(503, NOT_WRITTEN)
    if isinstance(error, InputError | FailureError):
        message, _ = explain_failure(error) or ("", 0)
        return RequestError(422, message)
    _log.error("a request failed", exc_info=error)
    return RequestError(500, "the server failed at this request, and its log says how; report it if it happens again")
