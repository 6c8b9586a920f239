"""Moving statistics of batch norm, estimated again by a pass over the training images.

What training leaves there is a mean over many steps in which the weights still moved, with the momentum as its memory.
Here the weights stand still: "precise" batch norm, Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021,
https://arxiv.org/abs/2105.07576.
"""

from __future__ import annotations

import numpy as np

from sweep.records import IndexArray
from sweep.training.modes import Subject

__all__ = ["recalibrate"]


def recalibrate(subject: Subject, images: IndexArray, *, batch_size: int, generator: np.random.Generator) -> None:
    """Set the moving statistics of every batch norm that runs on the batch's in training; no other weight changes.

    The mean is that of the batches' means; the variance is that of the batches' variances plus the variance of their
    means. A last batch that is smaller counts less, by its images.

    Args:
        subject: with the weights of the epoch; nothing is dropped and nothing augmented.
        images: of the training side, positions in the index.
        batch_size: in training.
        generator: draws which images stand in a batch together.
    """
    norms = subject.model.batch_norms
    if not norms:
        return
    order = generator.permutation(images)
    batches = np.split(order, range(batch_size, len(order), batch_size))
    observed = list(subject.model.statistics(map(subject.clean, batches)))
    shares = np.array([len(batch) for batch in batches]) / len(order)
    for norm, found in zip(norms, zip(*observed, strict=True), strict=True):
        means, variances = np.array(found, np.float64).transpose(1, 0, 2)
        mean = shares @ means
        norm.moving_mean.assign(mean)
        norm.moving_variance.assign(shares @ variances + shares @ (means - mean) ** 2)
