"""Random programs of a dozen steps: value, gradient and second gradient beside PyTorch's."""

import collections

import numpy as np
import pytest
from engines import by_tinygraph, by_torch
from programs import PYTORCH, STEPS, TINYGRAPH, Program

PROGRAMS = 400
LENGTH = 12
COUNTS = {"random programs": collections.Counter()}
USED: set[str] = set()


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_random_program(seed):
    program = Program(seed, LENGTH)
    rng = np.random.default_rng(seed)
    xs = program.arrays
    cts = [np.asarray(1.5)]
    rs = [rng.uniform(-1, 1, x.shape) for x in xs]
    own = by_tinygraph(lambda *v: program.run(TINYGRAPH, *v), xs, cts, rs)
    other = by_torch(lambda *v: program.run(PYTORCH, *v), xs, cts, rs)
    for mine, theirs in zip(own, other, strict=True):
        largest = max(1.0, *(np.abs(x).max() for x in theirs))
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-10 * largest, err_msg=repr(program))
    COUNTS["random programs"]["agree in value, gradient and second gradient"] += 1
    USED.update(name for name, *_ in program.steps)


def test_every_step_was_taken():
    assert USED in (set(), set(STEPS))
