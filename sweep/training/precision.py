"""Half precision on a GPU: what trains computes in float16, its weights and the logits stay in float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from sweep.errors import TrialError
from sweep.training.switching import leaves

__all__ = ["check_precision", "mixed_precision"]

_POLICY = "mixed_float16"


def check_precision(mixed: bool, *, place: str = "[training] mixed_precision") -> None:
    """A CPU has no fast float16, and TensorFlow's kernels for it are not all there.

    Raises:
        TrialError: mixed precision on a machine without a GPU.
    """
    if mixed and not keras.distribution.list_devices("gpu"):
        raise TrialError(
            place,
            received="true on a machine on which TensorFlow finds no GPU",
            expected="a GPU, which float16 is for",
            remedy="set mixed_precision = false, or install gapsweep[gpu] on a machine with a GPU",
        )


@contextmanager
def mixed_precision(tail: keras.Model | None, *, mixed: bool) -> Iterator[None]:
    """Layers that are built within it, and those of a tail that was built before, compute in float16 if asked to."""
    if not mixed:
        yield
        return
    for layer in leaves(tail) if tail is not None else ():
        layer.dtype_policy = _POLICY
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(_POLICY)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
