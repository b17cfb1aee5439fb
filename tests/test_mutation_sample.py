"""The checks of gradients notice wrong rules: a sample of those that `make mutate` makes.

Which mutants there are and how they are shown to the checks is told in `mutation`.
"""

import numpy as np
import pytest
from cases import OPERATIONS
from mutation import engine, equivalent, mutants, report, running
from mutation.swapping import rule_replaced

import tinygraph as tg

COUNT = 20


@pytest.fixture(scope="module")
def every():
    return [m for m in running.everything() if isinstance(m, mutants.Mutant)]


def test_a_sample_is_noticed(every):
    found = [running.outcome(n) for n in report.sampled(range(len(every)), COUNT, seed=1)]
    assert not [o.name for o in found if o.survived or o.misjudged]


@pytest.mark.parametrize(
    "mistake", [m for k, m in enumerate(engine.mistakes()) if k % 5 == 0], ids=lambda m: m.words
)
def test_mistakes_of_the_engine_are_noticed(mistake):
    assert engine.noticed(mistake)


def test_every_rule_has_mutants(every):
    rules = {
        f"{p.definition.__name__}.{','.join(r.serves)}"
        for p in OPERATIONS.values()
        for r in p.rules
    }
    assert rules <= {m.of for m in every}


def test_arguments_of_equivalence_are_of_mutants_that_exist(every):
    named = {(of, kind, part) for of, kind, part, _ in equivalent.REASONS}
    for of, kind, part in named:
        found = [m for m in every if m.of == of and kind in ("", m.kind) and part in m.words]
        assert found, f"{of}: {kind} {part} is no mutant any more"
    assert {m.of for m in every} >= equivalent.ZERO_RULES


def test_a_replaced_rule_is_put_back():
    x = tg.Variable(np.array([1.0, 2.0]))
    primitive = OPERATIONS["multiply"]

    def slope():
        return tg.gradients((x * 3.0).sum(), x)[0].tolist()

    with rule_replaced(primitive, 0, lambda ct, a: ct * a):
        assert slope() == [1.0, 2.0]
    assert slope() == [3.0, 3.0]
