"""What a page carries: data that no script can end, and a policy that names every script."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json

from plotly.offline import get_plotlyjs

from sweep.report.figures import draw_curves, gather_curve
from sweep.report.gather import Report
from sweep.report.page_data import SCRIPTS, asset, curves_of, embedded, figures_of, hovers_of, library, policy


def test_embedded_data_has_no_character_that_a_parser_obeys() -> None:
    data = {"</script>": "<!-- & é \u2028"}
    text = str(embedded(data))
    assert text.isascii()
    assert not set("<>&") & set(text)
    assert json.loads(text) == data


def test_the_library_is_packed_and_its_digest_is_that_of_the_script() -> None:
    script = gzip.decompress(base64.b64decode(library().packed)).decode()
    assert script == get_plotlyjs()
    assert base64.b64decode(library().digest) == hashlib.sha256(script.encode()).digest()
    assert len(library().packed) < len(script) / 2


def test_the_policy_names_each_script_and_fetches_nothing() -> None:
    found = policy({"one": "1", "two": "2"})
    assert found.count("sha256-") == 3
    assert base64.b64encode(hashlib.sha256(b"2").digest()).decode() in found
    assert found.startswith("default-src 'none'; ")


def test_the_scripts_of_a_page_fetch_nothing_and_write_no_markup() -> None:
    for name in SCRIPTS:
        script = asset(name)
        assert script.startswith('"use strict";')
        for word in ("innerHTML", "insertAdjacentHTML", "document.write", "fetch(", "XMLHttpRequest", "eval("):
            assert word not in script, f"{name} has {word}"


def test_figures_are_plain_values_and_hover_texts_stand_apart(full_report: Report) -> None:
    rows = full_report.ranking.rows
    found = figures_of(full_report, rows, rows[:2], ())
    assert set(found) == {"curves", "gap", "parallel", "repeats"}
    assert found["curves"]["layout"]["height"] == draw_curves([gather_curve(full_report, rows[0])]).layout.height
    assert not [trace for trace in found["gap"]["data"] if "customdata" in trace and "text" in trace]
    assert hovers_of(full_report, rows[:1])["18"].startswith("<b>trial 18</b>, rank 1")
    assert curves_of(full_report, rows[:1])["18"]["title"] == "Trial 18, rank 1"
    assert figures_of(full_report, (), (), ()) == {}
