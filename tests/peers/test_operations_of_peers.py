"""Operations that PyTorch or JAX has too: values, and gradients of order 1 and 2.

At the arrays of the registry's own tests, real and complex, in float64. What a peer cannot do (an
argument it does not have, a derivative it lacks) is counted, and compared with nothing; but every
operation that it has must be compared at least once.
"""

import collections
import itertools

import pytest
from cases import CASES
from comparing import PEERS, compare
from conventions import NEVER, reason

COUNTS: dict[str, collections.Counter[str]] = {peer: collections.Counter() for peer in PEERS}
COMPARED: dict[str, set[str]] = {peer: set() for peer in PEERS}
SEEN: dict[str, set[str]] = {peer: set() for peer in PEERS}


# JAX compiles each case anew, for a fifth of a second: the first few of every operation.
FEW = {case.id for _, own in itertools.groupby(CASES, lambda c: c.name) for case in [*own][:3]}


@pytest.mark.parametrize(
    ("peer", "case"),
    [
        pytest.param(peer, case, id=f"{peer}-{case}")
        for peer in PEERS
        for case in CASES
        if case.places and (peer != "jax" or case.id in FEW)
    ],
)
def test_derivatives_are_those_of(peer, case):
    named, _ = PEERS[peer]
    if named(case) is None:
        COUNTS[peer]["cases of operations it does not have"] += 1
        return
    SEEN[peer].add(case.name)
    for imaginary in (False, True):
        if reason(peer, f"{case.id}{', complex' * imaginary}"):
            COUNTS[peer]["conventions that differ"] += 1
            continue
        differences = compare(case, peer, imaginary=imaginary)
        if differences is None:
            COUNTS[peer]["cases it cannot do"] += 1
            continue
        COMPARED[peer].add(case.name)
        COUNTS[peer]["complex comparisons" if imaginary else "real comparisons"] += 1
        COUNTS[peer]["disagreements"] += bool(differences)
        assert not differences


@pytest.mark.parametrize("peer", PEERS)
def test_every_operation_was_compared(peer):
    assert SEEN[peer] - COMPARED[peer] - NEVER[peer].keys() == set()
    COUNTS[peer]["operations compared"] = len(COMPARED[peer])
