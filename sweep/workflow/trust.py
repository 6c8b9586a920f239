"""Loading a hypermodel runs somebody's code: who may have that done."""

from __future__ import annotations

from sweep.errors import UsageError

__all__ = ["check_trust"]

_OWN_PACKAGE = "sweep."


def check_trust(hypermodel: str, *, trusted: bool, bundled: bool = False) -> None:
    """Refuse to run code that nobody has vouched for.

    Args:
        hypermodel: "module:object", or "" where a study has none.
        trusted: the user has said so, or has named a study file of their own that says what is run.
        bundled: whether code of this package needs no word, as where a study that comes with it names it.

    Raises:
        UsageError: it needs `--trust`.
    """
    if not hypermodel or trusted or (bundled and hypermodel.startswith(_OWN_PACKAGE)):
        return
    raise UsageError(
        hypermodel,
        received="code that would be run, and that no study file of your own has named",
        expected="your word that it may be run",
        remedy="read it, then add --trust",
    )
