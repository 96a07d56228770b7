"""Data sets of other tools and layouts: recognized, described, and written in our own layout.

One file a layout in importing/layouts. Nothing in the source is changed.
"""

from feedbackward.importing.convert import convert
from feedbackward.importing.found import Drawing, FoundData, Sample
from feedbackward.importing.recognize import recognize
from feedbackward.importing.splits import split_samples

__all__ = ["Drawing", "FoundData", "Sample", "convert", "recognize", "split_samples"]
