"""Exact segmentation of many series at once, and the pruning of what it finds."""

import numpy as np

from perf_pipeline.regressions.series import Floats, Ints

#: Blocks a series is reduced to before the exact search (its cost grows with the square).
MAX_BLOCKS = 288


def block_size(width: int) -> int:
    """Samples per block for series padded to `width` samples."""
    return max(1, -(-width // MAX_BLOCKS)) if width <= 3 * MAX_BLOCKS else 3


def optimal_partition(
    sw: Floats, swy: Floats, penalty: Floats, blocks: Ints, min_blocks: int, max_blocks: int
) -> Ints:
    """Least-squares segmentation of each column with a penalty per segment (dynamic programme).

    Minimises the weighted squared error plus `penalty` times the number of segments over all
    segmentations with segments of `min_blocks` to `max_blocks` blocks (optimal partitioning,
    Jackson et al. 2005).

    Parameters
    ----------
    sw, swy : ndarray, shape (t, s)
        Per block (row) and series (column): sum of weights and of weight times value.
    penalty : ndarray, shape (s,)
    blocks : ndarray of int, shape (s,)
        Real blocks of each series; they come first.

    Returns
    -------
    ndarray of int, shape (t + 1, s)
        For each end, the start of the last segment of the best segmentation up to it.

    """
    t, s = sw.shape
    cw = np.zeros((t + 1, s))
    cy = np.zeros((t + 1, s))
    np.cumsum(sw, axis=0, out=cw[1:])
    np.cumsum(swy, axis=0, out=cy[1:])
    best = np.full((t + 1, s), np.inf)
    best[0] = 0.0
    back = np.zeros((t + 1, s), dtype=np.int64)
    columns = np.arange(s)
    for end in range(min_blocks, t + 1):
        lo = max(0, end - max_blocks)
        hi = end - min_blocks + 1
        gain = cy[end] - cy[lo:hi]
        gain *= gain
        gain /= cw[end] - cw[lo:hi]
        np.subtract(best[lo:hi], gain, out=gain)
        pick = gain.argmin(axis=0)
        best[end] = gain[pick, columns] + penalty
        back[end] = pick + lo
    return back


def boundaries(back: Ints, blocks: Ints) -> list[list[int]]:
    """Read the inner boundaries (block indices, ascending) of each series from `back`."""
    out: list[list[int]] = []
    for column, end in enumerate(blocks.tolist()):
        cuts: list[int] = []
        at = end
        while at > 0:
            at = int(back[at, column])
            if at > 0:
                cuts.append(at)
        out.append(cuts[::-1])
    return out
