"""Connected components of the values of an image, as sets of runs of equal pixels."""

import torch
from jaxtyping import Int64
from torch import Tensor

from feedbackward.union_find import first_of_set


def connect_runs(values: Int64[Tensor, " runs"], lengths: Int64[Tensor, " runs"], width: int) -> Int64[Tensor, " runs"]:
    """The component of each run, with 8 neighbors for every pixel.

    Args:
        values: The value of each run of the flattened image, whose last column has a value of its own, so that
            runs of all other values end with their row.
        lengths: The pixels of each run.
        width: The width of the image, with that column.

    Returns:
        The index of the first run of its component, for each run. That of the last column's value means nothing.
    """
    runs = torch.arange(len(values), device=values.device)
    ends = lengths.cumsum(0)
    starts = ends - lengths
    # The runs below a run, from the one that contains its lower left neighbor to that of its lower right neighbor.
    first = torch.searchsorted(ends, starts + width - 1, right=True).clamp(max=len(runs) - 1)
    last = torch.searchsorted(ends, ends + width, right=True).clamp(max=len(runs) - 1)
    below = last - first + 1
    start_of_list = below.cumsum(0) - below
    places = torch.arange(int(below.sum()), device=runs.device) - start_of_list.repeat_interleave(below)
    upper = torch.cat([runs[:-1], runs.repeat_interleave(below)])
    lower = torch.cat([runs[1:], first.repeat_interleave(below) + places])
    same = values[upper] == values[lower]
    first_run = first_of_set(upper[same].numpy(force=True), lower[same].numpy(force=True), len(runs))
    return torch.from_numpy(first_run).to(values.device)
