"""The class that is the background: pictures leave it unpainted, polygons leave it out."""

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError, nearest


def background_class(table: ClassTable, name: str | None = None) -> int | None:
    """Find the class that is the background.

    Args:
        table: The classes.
        name: Its name, or "none" if no class is the background; None for a class named "background", if there is one.

    Returns:
        The index of the class, or None.

    Raises:
        InputError: If no class has that name.

    Example:
        >>> background_class(ClassTable(("background", "crack"), ((0, 0, 0), (255, 0, 0))))
        0
    """
    if name is None:
        # labelme writes _background_.
        plain = [known.strip("_").lower() for known in table.names]
        return plain.index("background") if "background" in plain else None
    if name in table.names:
        return table.names.index(name)
    if name == "none":
        return None
    raise InputError(f"the background {name!r} is not a class: {nearest(name, (*table.names, 'none'))}")
