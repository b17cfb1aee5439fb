"""The examples that learn to write, with few steps: each ends by itself if its loss stays high."""

import importlib
import math
import re
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def imported(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module


@pytest.mark.parametrize("name", ["character_lstm", "small_transformer"])
def test_loss_falls_and_text_is_written(name, imported, capsys):
    example = imported(name)
    example.main(["--quick"])
    printed = capsys.readouterr().out
    losses = [float(loss) for loss in re.findall(r"loss (\S+) nats", printed)]
    assert len(losses) == 11
    assert losses[-1] < example.QUICK[1] < losses[0]
    written = printed.partition("it writes:\n")[2]
    assert written.strip().startswith("Return the ")
    assert len(written) > 300


@pytest.mark.parametrize("name", ["character_lstm", "small_transformer"])
def test_a_loss_that_stays_high_is_told_and_ends_the_program(name, imported, monkeypatch, capsys):
    example = imported(name)
    monkeypatch.setattr(example, "QUICK", (10, 1.0))
    monkeypatch.setattr(example, "documentation", lambda: "Return the text as it came. " * 1000)
    monkeypatch.setattr(example, "train", lambda *args: None)
    with pytest.raises(SystemExit, match=r"held-out loss .*, which should be below 1\.0"):
        example.main(["--quick"])
    assert "it writes:" in capsys.readouterr().out


def test_the_bounds_mean_something(imported):
    """They lie below what the frequencies of the characters alone can reach."""
    text = imported("library_text").documentation()
    counts = np.bincount(np.frombuffer(text.encode(), np.uint8))
    p = counts[counts > 0] / len(text)
    entropy = -(p * np.log(p)).sum()
    assert entropy < math.log(len(p))
    for name in ("character_lstm", "small_transformer"):
        example = imported(name)
        assert example.FULL[1] < example.QUICK[1] < entropy - 0.3


def test_the_text_is_the_same_every_time(imported):
    library_text = imported("library_text")
    assert library_text.documentation() == library_text.documentation()
    assert library_text.documentation().isascii()
