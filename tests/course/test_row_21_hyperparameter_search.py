"""Random, not a grid; log scales; coarse to fine; panda and caviar: the example of that name."""

import os
import re
import subprocess
import sys

import example_modules
import numpy as np

search = example_modules.load("hyperparameter_search")


def test_log_scales_are_uniform_in_the_exponent():
    rng = np.random.default_rng(0)
    points = [search.drawn(search.COARSE, rng) for _ in range(4000)]
    alpha = np.log10([p["alpha"] for p in points])
    assert -4 <= alpha.min() < alpha.max() <= 0
    counts, _ = np.histogram(alpha, bins=4, range=(-4, 0))
    # Binomial(4000, 1/4): its standard deviation is 27.
    assert np.abs(counts - 1000).max() < 5 * 27
    betas = 1 - np.array([p["one_minus_beta"] for p in points])
    assert 0.9 <= betas.min() < betas.max() <= 0.999
    assert abs(np.mean(betas > 0.99) - 0.5) < 0.05  # as many in 0.99 … 0.999 as in 0.9 … 0.99
    hidden = np.array([p["hidden"] for p in points])
    assert set(hidden) == set(range(10, 101))


def test_points_are_random_so_that_each_parameter_has_as_many_values_as_trials():
    rng = np.random.default_rng(0)
    points = [search.drawn(search.COARSE, rng) for _ in range(25)]
    assert len({p["alpha"] for p in points}) == 25


def test_the_fine_space_lies_within_the_coarse_one_around_the_best():
    best = {"alpha": 0.5, "one_minus_beta": 0.01, "hidden": 95, "layers": 1}
    for name, (low, high, _) in search.around(best, search.COARSE).items():
        assert search.COARSE[name][0] <= low <= best[name] <= high <= search.COARSE[name][1]


def test_the_example_finds_a_good_model():
    run = subprocess.run(
        [sys.executable, search.__file__, "--trials", "4"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    coarse, fine = map(float, re.search(r"from (\S+) to (\S+)", run.stdout).groups())
    assert fine >= coarse
    assert float(re.findall(r"day 4: .* accuracy (\S+),", run.stdout)[0]) > 0.95
