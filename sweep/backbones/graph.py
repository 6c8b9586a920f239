"""The graph of a functional model: its calls in order, the tensors that every path crosses, and calls made again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

__all__ = ["INPUT", "Called", "Crossing", "Node", "consumers", "copy_of", "crossings", "nodes", "repeat_calls"]

Node: TypeAlias = Any
"""A call in Keras' graph, whose class is not public."""

Called: TypeAlias = Any
"""A layer, an operation, or a function of what they take."""

INPUT = "input"
"""The name of the tensor that a model starts from."""


class Crossing(NamedTuple):
    """A tensor that every path from the input to the output crosses.

    Attributes:
        step: the position in `nodes` of the call that gives it.
        name: of the layer or operation that gives it; `INPUT` for the first.
    """

    step: int
    name: str
    tensor: keras.KerasTensor


def nodes(model: keras.Model) -> list[Node]:
    """Every call of a layer or operation, each after the ones that it needs; the first is the input."""
    by_depth = model._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def consumers(model: keras.Model) -> Mapping[int, list[Node]]:
    """The calls that take a tensor, by the tensor's id; a tensor that nothing takes has none."""
    found: defaultdict[int, list[Node]] = defaultdict(list)
    for node in nodes(model):
        for tensor in node.input_tensors:
            found[id(tensor)].append(node)
    return found


def crossings(model: keras.Model) -> Iterator[Crossing]:
    """The tensors that every path crosses, from the input to the output.

    In an order in which each call follows those that it needs, these are the tensors that are still needed alone: all
    calls before one are its ancestors, all calls after it its descendants.
    """
    calls = nodes(model)
    last_use = {id(tensor): step for step, node in enumerate(calls) for tensor in node.input_tensors}
    open_tensors: set[int] = set()
    for step, node in enumerate(calls):
        open_tensors |= {id(tensor) for tensor in node.output_tensors}
        open_tensors = {tensor for tensor in open_tensors if last_use.get(tensor, len(calls)) > step}
        if len(open_tensors) == 1 and len(node.output_tensors) == 1:
            yield Crossing(step, INPUT if step == 0 else node.operation.name, node.output_tensors[0])


def repeat_calls(
    calls: Iterable[Node], tensors: dict[int, keras.KerasTensor], replacement: Callable[[keras.Operation], Called]
) -> None:
    """Make calls again on other tensors.

    Args:
        calls: of `nodes`, in their order.
        tensors: what stands for a tensor, by the tensor's id: given for what the calls start from, and filled.
        replacement: what is called in place of a layer or operation; asked once for each, however often that is called.
    """
    import keras  # noqa: PLC0415 - cuts can be compared without TensorFlow

    replacements: dict[int, Called] = {}
    for node in calls:
        if id(node.operation) not in replacements:
            replacements[id(node.operation)] = replacement(node.operation)
        arguments, options = node.arguments.fill_in(tensors)
        given = keras.tree.flatten(replacements[id(node.operation)](*arguments, **options))
        tensors |= {id(old): new for old, new in zip(node.output_tensors, given, strict=True)}


def copy_of(
    operation: keras.Operation,
    changes: Mapping[str, object] | None = None,
    *,
    weights: Sequence[NDArray[Any]] | None = None,
) -> keras.Operation:
    """A new layer or operation like the given one, under its name and with its weights.

    Args:
        operation: a layer that is built, or another operation.
        changes: of its configuration.
        weights: of the copy, where the changes ask for others.
    """
    copied: keras.Operation = type(operation).from_config({**operation.get_config(), **(changes or {})})
    copied.name = operation.name
    if getattr(operation, "weights", ()):
        if not copied.built:
            copied.build_from_config(operation.get_build_config())
        copied.set_weights(operation.get_weights() if weights is None else weights)
        if hasattr(copied, "finalize_state"):  # Normalization computes with what it derived from its weights
            copied.finalize_state()
    return copied
