"""The one exception for what a user's input causes; the command line prints it without a traceback."""


class InputError(ValueError):
    """Input that cannot be used: the message says what was found, what was expected and what to do."""
