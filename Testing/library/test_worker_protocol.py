"""The worker's language and the caller's state machine, without a process."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from BrainMetsAILib.worker.client import CANCEL_LIMIT_S, GREETING_LIMIT_S, WorkerClient
from BrainMetsAILib.worker.protocol import (
    PROTOCOL,
    Cancel,
    Cancelled,
    Failure,
    Hello,
    Order,
    Progress,
    ProtocolError,
    Reply,
    Request,
    Result,
    decode_order,
    decode_reply,
    encode,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    max_leaves=8,
)
tables = st.dictionaries(st.text(), json_values)
numbers = st.integers(0, 2**40)
replies = st.one_of(
    st.builds(Hello, numbers, st.integers(0, 99), st.text()),
    st.builds(Progress, numbers, st.integers(0, 10000).map(lambda n: n / 10000), st.text()),
    st.builds(Result, numbers, tables),
    st.builds(Failure, st.none() | numbers, st.text(), st.text()),
    st.builds(Cancelled, numbers),
)
orders = st.one_of(
    st.builds(Request, numbers, st.text(min_size=1).filter(lambda name: name != "cancel"), tables, st.text()), st.builds(Cancel, numbers)
)


@given(replies)
def test_replies_survive_the_line(reply: Reply) -> None:
    line = encode(reply)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert decode_reply(line) == reply


@given(orders)
def test_orders_survive_the_line(order: Order) -> None:
    assert decode_order(encode(order)) == order


@given(st.binary())
def test_garbage_is_a_protocol_error_and_nothing_else(line: bytes) -> None:
    for decode in (decode_reply, decode_order):
        try:
            decode(line)
        except ProtocolError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    "line", [b'{"id": true, "result": {}}', b'{"id": 1, "progress": "half"}', b'{"id": 1}', b"[1]", b'{"result": {}}', b"[" * 100000]
)
def test_lines_that_look_like_replies(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_reply(line)


def test_results_that_json_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError):
        encode(Result(1, {"ratio": float("nan")}))


class Clock:
    """Time that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def written() -> list[bytes]:
    return []


@pytest.fixture
def client(written: list[bytes], clock: Clock) -> WorkerClient:
    return WorkerClient(written.append, clock)


def greet(client: WorkerClient) -> None:
    client.feed(encode(Hello(4711)))


def test_nothing_is_written_before_the_greeting(client: WorkerClient, written: list[bytes]) -> None:
    number = client.request("find", {"volume": "ü.npy"}, "/somewhere")
    assert client.busy and not written
    greet(client)
    assert client.pid == 4711
    assert [decode_order(line) for line in written] == [Request(number, "find", {"volume": "ü.npy"}, "/somewhere")]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.lists(st.text(max_size=8), min_size=1, max_size=12))
def test_replies_come_whole_however_the_bytes_are_cut(cuts: list[int], texts: list[str]) -> None:
    client = WorkerClient(lambda line: None)
    number = client.request("wait", {}, "")
    sent: list[Reply] = [Hello(1), *(Progress(number, 0.5, text) for text in texts), Result(number, {})]
    data = b"".join(encode(reply) for reply in sent)
    got: list[Reply] = []
    at = 0
    for cut in cuts:
        got += client.feed(data[at : at + cut])
        at += cut
    got += client.feed(data[at:])
    assert got == sent
    assert not client.busy


def test_lines_of_a_launcher_are_kept_for_the_details_only(client: WorkerClient) -> None:
    number = client.request("wait", {}, "")
    assert client.feed(b"Switch to module: 'Welcome'\n\n\r\n") == ()
    greet(client)
    client.feed_stderr(b"Traceback\nValueError: \xff")
    (failure,) = client.ended(3)
    assert isinstance(failure, Failure) and failure.id == number
    assert "exit code 3" in failure.sentence and "Welcome" in failure.details and "ValueError" in failure.details
    assert not client.usable and not client.busy


def test_replies_for_tasks_that_are_not_open_are_dropped(client: WorkerClient) -> None:
    greet(client)
    number = client.request("wait", {}, "")
    assert client.feed(encode(Result(number + 7, {})) + encode(Progress(99, 0.1))) == ()
    assert client.feed(encode(Result(number, {}))) == (Result(number, {}),)
    assert client.feed(encode(Result(number, {}))) == ()


@pytest.mark.parametrize(
    ("exit_code", "signal", "words"),
    [(None, 9, "ran out of memory"), (None, 11, "crashed"), (None, 0, "crashed"), (3, None, "exit code 3"), (0, None, "by itself")],
)
def test_every_end_has_its_sentence(client: WorkerClient, exit_code: int | None, signal: int | None, words: str) -> None:
    greet(client)
    number = client.request("find", {}, "")
    (failure,) = client.ended(exit_code, signal)
    assert isinstance(failure, Failure) and failure.id == number and words in failure.sentence
    assert client.ended(exit_code, signal) == ()


def test_an_end_before_the_greeting(client: WorkerClient) -> None:
    client.request("find", {}, "")
    (failure,) = client.ended(1)
    assert isinstance(failure, Failure) and "before it could start (exit code 1)" in failure.sentence


def test_a_program_that_is_missing(client: WorkerClient) -> None:
    number = client.request("find", {}, "")
    (failure,) = client.failed_to_start("PythonSlicer", "no such file")
    assert failure == Failure(number, "The program PythonSlicer could not be started: no such file; check the installation.")


def test_a_worker_of_another_version_is_not_used(client: WorkerClient, written: list[bytes]) -> None:
    number = client.request("find", {}, "")
    (failure,) = client.feed(encode(Hello(1, protocol=PROTOCOL + 1)))
    assert isinstance(failure, Failure) and "two versions" in failure.sentence
    assert not written and not client.usable
    assert client.overdue() == failure.sentence
    (end,) = client.ended(0)
    assert isinstance(end, Failure) and end.id == number and "two versions" in end.sentence


def test_limits_of_patience(client: WorkerClient, clock: Clock, written: list[bytes]) -> None:
    client.request("find", {}, "")
    assert client.overdue() == ""
    clock.now = GREETING_LIMIT_S + 1
    assert "did not answer" in client.overdue()
    greet(client)
    assert client.overdue() == "", "a task may take as long as it takes"
    clock.now += 100_000
    assert client.overdue() == ""
    client.cancel()
    client.cancel()
    assert client.cancelling
    assert [json.loads(line)["task"] for line in written] == ["find", "cancel"]
    clock.now += CANCEL_LIMIT_S + 1
    assert "did not stop" in client.overdue()
    assert client.ended(None, 9) == (Cancelled(1),), "killed because it was cancelled: that is no failure"


def test_cancelled_in_time(client: WorkerClient, clock: Clock) -> None:
    greet(client)
    number = client.request("find", {}, "")
    client.cancel(number)
    assert client.feed(encode(Cancelled(number))) == (Cancelled(number),)
    clock.now += 1000
    assert client.overdue() == "" and client.usable and not client.busy
