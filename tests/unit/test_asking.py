"""What is remembered of a service that is asked: for how long, how much, and that an outage is waited for by one."""

import threading

import pytest

from infra import asking
from infra.asking import Memory, Patience, Silence

PATIENCE = Patience(answer_s=100.0, open_s=10.0, outage_s=20.0, most=3)


class Said:
    """A service that says what it is told to, and counts."""

    def __init__(self) -> None:
        self.answer: str | Silence = "yes"
        self.asked: list[str] = []

    def __call__(self, question: str) -> str | Silence:
        self.asked.append(question)
        return self.answer


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [1000.0]
    monkeypatch.setattr(asking.time, "monotonic", lambda: time[0])
    return time


@pytest.mark.parametrize(("answer", "lasts"), [("yes", 100.0), (Silence.OPEN, 10.0)])
def test_an_answer_and_an_open_question_last_as_long_as_is_said(
    now: list[float], answer: str | Silence, lasts: float
) -> None:
    service, expected = Said(), None if answer is Silence.OPEN else answer
    service.answer, memory = answer, Memory(service, PATIENCE)
    assert memory.of("a") == expected
    now[0] += lasts - 0.1
    assert memory.of("a") == expected and service.asked == ["a"]
    now[0] += 0.2
    assert memory.of("a") == expected and service.asked == ["a", "a"]


def test_an_outage_is_the_services_not_the_questions(now: list[float]) -> None:
    service = Said()
    service.answer, memory = Silence.DOWN, Memory(service, PATIENCE)
    assert [memory.of(one) for one in ("a", "b", "c")] == [None] * 3 and service.asked == ["a"]
    now[0] += 20.1
    service.answer = "yes"
    assert [memory.of(one) for one in ("b", "c")] == ["yes", "yes"] and service.asked == ["a", "b", "c"]


def test_what_is_known_is_still_said_while_the_service_is_out(now: list[float]) -> None:
    service = Said()
    memory = Memory(service, PATIENCE)
    assert memory.of("a") == "yes"
    service.answer = Silence.DOWN
    assert memory.of("b") is None and memory.of("a") == "yes"


def test_one_tries_a_service_that_was_out_and_the_others_do_not_wait_with_it(now: list[float]) -> None:
    began, go = threading.Event(), threading.Event()
    service = Said()

    def ask(question: str) -> str | Silence:
        if question == "slow":
            began.set()
            go.wait(10)
        return service(question)

    service.answer, memory = Silence.DOWN, Memory(ask, PATIENCE)
    memory.of("a")
    now[0] += 20.1
    service.answer = "yes"
    trying = threading.Thread(target=memory.of, args=("slow",))
    trying.start()
    assert began.wait(10)
    assert memory.of("b") is None and service.asked == ["a"]
    go.set()
    trying.join()
    assert memory.of("b") == "yes"


def test_memory_is_bounded_and_the_oldest_goes(now: list[float]) -> None:
    service = Said()
    memory = Memory(service, PATIENCE)
    for question in "abcda":
        memory.of(question)
    assert service.asked == ["a", "b", "c", "d", "a"] and len(memory._kept) == 3


def test_what_asking_raises_is_not_remembered(now: list[float]) -> None:
    def broken(question: str) -> str | Silence:
        raise ValueError(question)

    memory = Memory(broken, PATIENCE)
    for _ in range(2):
        with pytest.raises(ValueError, match="a"):
            memory.of("a")
