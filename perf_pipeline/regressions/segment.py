"""Exact least-squares segmentation of many series at once."""

from dataclasses import dataclass

import numpy as np

from perf_pipeline.regressions.series import Floats, Ints

#: Series up to this many samples are searched sample by sample; longer ones in blocks of two or
#: three (boundaries are refined to the sample afterwards): the cost grows with the square.
_FULL = 288

#: From this many samples on blocks grow to six, the shortest segment.
_LONG = 3 * 1024

#: Longest segment searched for, in blocks; a longer level is several whose seams are pruned.
_MAX_BLOCKS = 288


@dataclass(frozen=True)
class Blocks:
    """Weights and weighted values summed over blocks, one series a column.

    Attributes
    ----------
    size : int
        Samples per block. Blocks end with the newest sample; the first may be short.
    shift : ndarray of int64, shape (s,)
        Samples missing from the first block.
    count : ndarray of int64, shape (s,)
        Blocks of each series.
    sw, swy : ndarray of float64, shape (t, s)

    """

    size: int
    shift: Ints
    count: Ints
    sw: Floats
    swy: Floats


def block_sums(w: Floats, y: Floats, count: Ints, least: int = 1) -> Blocks:
    """Sum weights and weighted values of (s, n) series over blocks of at least `least` samples."""
    s, n = y.shape
    size = max(min(3, -(-n // _FULL)) if n <= _LONG else 6, least)
    shift = (-count) % size
    t = -(-n // size) + 1
    cell = (np.arange(n) + shift[:, None]) // size + np.arange(s)[:, None] * t
    flat = cell.ravel()
    sw = np.bincount(flat, weights=w.ravel(), minlength=s * t).reshape(s, t)
    swy = np.bincount(flat, weights=(w * y).ravel(), minlength=s * t).reshape(s, t)
    # Padding comes after the series' own end and cannot reach it; it only must divide.
    sw = np.where(sw > 0, sw, 1.0)
    return Blocks(
        size=size,
        shift=shift,
        count=(count + shift) // size,
        sw=np.ascontiguousarray(sw.T),
        swy=np.ascontiguousarray(swy.T),
    )


@dataclass(frozen=True)
class Partition:
    """The best segmentation of each column up to each of its blocks.

    Attributes
    ----------
    cw, cy : ndarray of float64, shape (t + 1, s)
        Running sums of weights and of weighted values.
    best : ndarray of float64, shape (t + 1, s)
        Cost of the best segmentation up to each end, less what is the same for all.
    min_blocks : int

    """

    cw: Floats
    cy: Floats
    best: Floats
    min_blocks: int

    def start(self, column: int, end: int) -> int:
        """Return the start of the last segment of the best segmentation up to `end`."""
        low, high = _starts(end, self.min_blocks)
        gain = self.cy[end, column] - self.cy[low:high, column]
        gain *= gain
        gain /= self.cw[end, column] - self.cw[low:high, column]
        return low + int((self.best[low:high, column] - gain).argmin())


def _starts(end: int, min_blocks: int) -> tuple[int, int]:
    """Return where a last segment up to `end` may start, the second excluded."""
    return max(0, end - _MAX_BLOCKS), end - min_blocks + 1


def optimal_partition(blocks: Blocks, penalty: Floats, min_blocks: int) -> Partition:
    """Segment each column with the least squared error plus a penalty per segment.

    Optimal partitioning (dynamic programme of Jackson et al. 2005), over all segmentations
    with segments of at least `min_blocks` blocks; all series advance together. Which start was
    best is looked up again for the few ends that are boundaries.

    Parameters
    ----------
    blocks : Blocks
    penalty : ndarray, shape (s,)
        In units of weight times value squared.
    min_blocks : int

    """
    t, s = blocks.sw.shape
    cw = np.zeros((t + 1, s))
    cy = np.zeros((t + 1, s))
    np.cumsum(blocks.sw, axis=0, out=cw[1:])
    np.cumsum(blocks.swy, axis=0, out=cy[1:])
    best = np.full((t + 1, s), np.inf)
    best[0] = 0.0
    # work space of every end, so that none asks for memory
    gains, weights = np.empty((2, min(t + 1, _MAX_BLOCKS), s))
    for end in range(min_blocks, int(blocks.count.max()) + 1):
        low, high = _starts(end, min_blocks)
        gain, weight = gains[: high - low], weights[: high - low]
        np.subtract(cy[end], cy[low:high], out=gain)
        np.multiply(gain, gain, out=gain)
        np.subtract(cw[end], cw[low:high], out=weight)
        np.divide(gain, weight, out=gain)
        np.subtract(best[low:high], gain, out=gain)
        np.add(gain.min(axis=0), penalty, out=best[end])
    return Partition(cw, cy, best, min_blocks)


def boundaries(partition: Partition, blocks: Blocks) -> list[list[int]]:
    """First samples of the inner segments of each series, ascending."""
    out: list[list[int]] = []
    for column, end in enumerate(blocks.count.tolist()):
        cuts: list[int] = []
        at = partition.start(column, end) if end >= partition.min_blocks else 0
        while at > 0:
            cuts.append(at * blocks.size - int(blocks.shift[column]))
            at = partition.start(column, at)
        out.append(cuts[::-1])
    return out
