"""Runs share the networks that they only read."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def shared_networks(frozen_parts_once: None) -> None:
    """Without the time of loading them again for each test."""
