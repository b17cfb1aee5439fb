"""Random programs: shared values, parallel edges, constants, several outputs."""

import numpy as np
from hypothesis import strategies as st

import tinygraph as tg

BINARY = (np.add, np.multiply, np.subtract, tg.maximum)
UNARY = (np.sin, np.negative, lambda x: x * 2, lambda x: x + np.ones(2), lambda x: x.sum() * x)


@st.composite
def programs(draw):
    """Some tensors that were computed from each other."""
    values = [tg.Variable([0.5, 1.5], name=f"x{i}") for i in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(1, 12))):
        pick = st.sampled_from(values)
        kind = draw(st.integers(0, 5))
        if kind < 3:
            values.append(draw(st.sampled_from(BINARY))(draw(pick), draw(pick)))
        elif kind == 3:
            values.append(tg.concatenate([draw(pick)[:1], draw(pick)[:1]]))
        elif kind == 4:
            values.append(tg.stack(tg.unstack(draw(pick))))
        else:
            values.append(draw(st.sampled_from(UNARY))(draw(pick)))
    return draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
