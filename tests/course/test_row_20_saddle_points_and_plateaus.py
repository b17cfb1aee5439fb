"""Contour pictures with the optimisers' paths: `examples/optimiser_paths.py`."""

import re
import xml.etree.ElementTree as ET

import example_modules
import numpy as np

import tinygraph as tg

ENTRY = r"(gradient descent|momentum|RMSprop|Adam).*? (\d+\.\d+)(?:,|$)"


def test_the_pictures(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    example_modules.load("optimiser_paths").main()
    ET.parse(tmp_path / "out" / "optimiser_paths.svg")
    left_over = {}
    for line in capsys.readouterr().out.splitlines():
        for name, distance in re.findall(
            r"(gradient descent|momentum|RMSprop|Adam).*? (\d+\.\d+)(?:,|$)", line
        ):
            left_over.setdefault(name, []).append(float(distance))
    assert {len(found) for found in left_over.values()} == {3}
    valley, saddle, plateau = range(3)
    assert left_over["gradient descent"][valley] > left_over["momentum"][valley]
    assert left_over["gradient descent"][plateau] > 1 > left_over["Adam"][plateau]
    assert max(found[saddle] for found in left_over.values()) < 0.2  # none stays at the saddle


def test_at_the_saddle_the_gradient_is_0_and_the_curvatures_have_two_signs():
    saddle = example_modules.load("optimiser_paths").saddle
    at = (0.0, 0.0)
    J = lambda w: saddle(w[0], w[1])
    np.testing.assert_array_equal(tg.grad(J)(np.array(at)), [0, 0])
    np.testing.assert_array_equal(tg.hessian(J)(np.array(at)), [[2, 0], [0, -2]])
