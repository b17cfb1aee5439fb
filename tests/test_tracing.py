"""Modes that are told of each operation: every one tells, and nothing else changes."""

import asyncio
import threading

import numpy as np
import pytest
from cases import CASES, cotangents, every, gradients, one_each, variables

import tinygraph as tg
from tinygraph import replay, tracing
from tinygraph.registry import REGISTRY


class Notes(tracing.Tracer):
    """Writes down what it is told."""

    def __init__(self):
        self.calls, self.pulled_names, self.begun, self.ended = [], [], 0, 0

    def called(self, call):
        self.calls.append(call)

    def begin(self, seeds):
        self.begun += 1

    def pulled(self, node, ct, pairs):
        self.pulled_names.append(node.operation)

    def end(self, cotangents):
        self.ended += 1


class listening(tracing.Listening):  # noqa: N801
    """To a tracer that is given."""

    def __new__(cls, tracer):
        mode = tracing.Listening.__new__(cls)
        mode.tracer = tracer
        return mode

    def __init__(self, tracer):
        pass

    def _tracer(self):
        return self.tracer


def names(notes):
    return [call.primitive.name for call in notes.calls]


def test_what_it_is_told_of():
    w, notes = tg.Variable([1.0, 2.0]), Notes()
    with listening(notes):
        loss = (2 * np.exp(w)).sum()
        loss.backward()
    assert names(notes) == ["exp", "multiply", "sum"]
    assert notes.pulled_names == ["sum", "multiply", "exp"]
    assert (notes.begun, notes.ended) == (1, 1)
    multiply = notes.calls[1]
    assert list(multiply.arguments) == ["b", "a"]  # 2 stands on the left
    assert multiply.arguments["a"] == 2
    assert multiply.node is multiply.result.node
    assert multiply.node.trace is multiply.trace
    assert multiply.trace.seconds > 0


def test_the_line_is_the_user_s_whichever_way_the_call_goes():
    w, notes = tg.Variable([1.0, 2.0]), Notes()

    def double(x):
        return np.add(x, x)

    with listening(notes):
        np.exp(w)
        tg.nn.Dense(2, 1)(w.reshape(1, 2))
        double(w)
        tg.split(w, 2)
        tg.grad(lambda x: np.sin(x))(1.0)
    sites = [call.trace.site for call in notes.calls]
    assert {site.file for site in sites} == {__file__}
    lines = [site.source for site in sites]
    assert lines[0] == "np.exp(w)"
    assert "tg.nn.Dense(2, 1)(w.reshape(1, 2))" in lines
    assert ("double", "return np.add(x, x)") in [(s.function, s.source) for s in sites]
    assert lines[-1] == "tg.grad(lambda x: np.sin(x))(1.0)"
    assert str(sites[0]).endswith("whichever_way_the_call_goes\n    np.exp(w)")


def test_outputs_share_the_trace_of_their_operation():
    w, notes = tg.Variable([1.0, 2.0]), Notes()
    with listening(notes):
        one, other = tg.split(w, 2)
    assert one.node.trace is other.node.trace is notes.calls[0].trace
    assert notes.calls[0].node is one.node.parent


def test_nothing_remains_of_it():
    w = tg.Variable(1.0)
    before = tg.Tensor.__mul__.__code__, tg.exp.__code__, tg.exp.__globals__["_itself"]
    with listening(Notes()), listening(Notes()):
        assert tg.exp.__code__ is not before[1]
    assert (tg.Tensor.__mul__.__code__, tg.exp.__code__) == before[:2]
    assert tg.exp.__globals__["_itself"] is tg.exp
    assert (w * w).node.trace is None
    with pytest.raises(ZeroDivisionError), listening(Notes()):
        raise ZeroDivisionError
    assert tg.exp.__code__ is before[1]


def test_an_operation_that_is_first_called_or_declared_within():
    notes = Notes()

    @tg.elementwise(x=lambda ct: 2 * ct)
    def twice_declared_before(x):
        return 2 * x

    with listening(notes):

        @tg.elementwise(x=lambda ct: 2 * ct)
        def twice_declared_within(x):
            return 2 * x

        y = twice_declared_within(twice_declared_before(tg.Variable(1.0)))
    assert names(notes) == ["twice_declared_before", "twice_declared_within"]
    assert y.item() == 4
    assert twice_declared_within(twice_declared_before(tg.Variable(1.0))).item() == 4
    assert len(notes.calls) == 2
    for name in ("before", "within"):
        del REGISTRY[f"{__name__}.twice_declared_{name}"]


def test_errors_are_those_of_the_operation():
    w = tg.Variable(np.ones(3))
    with listening(Notes()):
        with pytest.raises(tg.ShapeError, match="broadcast"):
            w + np.ones(2)
        with pytest.raises(tg.ArgumentError, match="unknown keyword"):
            tg.exp(w, inplace=True)


def test_several_listen_at_once():
    outer, inner, w = Notes(), Notes(), tg.Variable(1.0)
    with listening(outer):
        w * 2
        with listening(inner):
            w + 2
    assert names(outer) == ["multiply", "add"]
    assert names(inner) == ["add"]


def test_it_is_for_its_own_thread_and_task():
    notes, w = Notes(), tg.Variable(1.0)
    with listening(notes):
        thread = threading.Thread(target=lambda: tg.exp(w).backward())
        thread.start()
        thread.join()
    assert not notes.calls
    assert not notes.pulled_names

    async def listens(started, go_on):
        with listening(notes):
            started.set()
            await go_on.wait()
            return tg.sin(w)

    async def main():
        started, go_on = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(listens(started, go_on))
        await started.wait()
        tg.cos(w)
        go_on.set()
        await task

    asyncio.run(main())
    assert names(notes) == ["sin"]


def test_threads_come_and_go_while_others_compute():
    # The first listener and the last change the code of functions that others are running.
    w, wrong, stop = tg.Variable([1.0, 2.0]), [], threading.Event()

    def compute():
        while not stop.is_set():
            y = tg.exp(w * 2 + 1)
            if y.node is None or not np.allclose(y.value, np.exp([3.0, 5.0])):
                wrong.append(y)

    def listen():
        for _ in range(30):
            notes = Notes()
            with listening(notes):
                tg.exp(w * 2 + 1)
            if names(notes) != ["multiply", "add", "exp"]:
                wrong.append(names(notes))

    others = [threading.Thread(target=compute) for _ in range(3)]
    listeners = [threading.Thread(target=listen) for _ in range(3)]
    for thread in (*others, *listeners):
        thread.start()
    for thread in listeners:
        thread.join()
    stop.set()
    for thread in others:
        thread.join()
    assert not wrong


def by_mode(case, modes):
    inputs = variables(case.arrays())
    with modes:
        outputs = case(*inputs)
        cts = cotangents(case, outputs)
        recorded = gradients(outputs, inputs, cts, create_graph=True)
        found = gradients(outputs, inputs, cts)
    return [np.asarray(x.value) for x in (*outputs, *recorded, *found)]


class every_mode(tg.detect_mutation):  # noqa: N801
    """All modes at once."""

    def __enter__(self):
        self.anomaly = tg.detect_anomaly()
        self.anomaly.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self.anomaly.__exit__(*error)


@every(one_each([case for case in CASES if case.places]))
def test_values_and_gradients_do_not_change(case):
    plain = by_mode(case, tg.enable_grad())
    told = by_mode(case, every_mode())
    for a, b in zip(plain, told, strict=True):
        np.testing.assert_array_equal(a, b)


@every([case for case in CASES if case.places])
def test_operations_are_computed_again_from_the_graph(case):
    inputs = variables(case.arrays())
    outputs = [y for y in case(*inputs) if y.node is not None]
    for output in outputs:
        nodes = [node for node in replay.ordered(output.node) if node.pullback is not None]
        values = replay.known_values(nodes, {x.node: x.value for x in inputs})
        if any(has_an_unknown_array(node) for node in nodes):
            continue
        for node in nodes:
            again = replay.computed(node, replay.operands(node, values))
            if node is output.node:
                np.testing.assert_allclose(again, output.value, rtol=1e-12)


def has_an_unknown_array(node):
    """Whether an operand is a constant array that no rule asked for."""
    return any(
        type(x) is tuple and x[3] is None and name.partition("[")[0] not in node.pullback.keeps
        for name, x in node.pullback.operands(node)
    )
