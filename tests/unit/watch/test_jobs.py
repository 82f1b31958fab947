"""In which order the reader's thread works."""

from expokeep.watch.jobs import Jobs


class Desk:
    """Runs jobs at a time that stands still, and remembers them."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.done: list[str] = []
        self.jobs = Jobs(lambda: self.now_s)

    def turn(self) -> list[str]:
        self.done = []
        self.jobs.begin_turn()
        while job := self.jobs.next():
            job()
        return self.done


def test_what_was_asked_for_goes_first_and_the_backlog_last() -> None:
    desk = Desk()
    desk.jobs.put_off(desk.done.append, "backlog")
    desk.jobs.plan(0.0, desk.done.append, "due")
    desk.jobs.ask(desk.done.append, "asked")
    desk.jobs.begin_turn()
    while job := desk.jobs.next():
        job()

    assert desk.done == ["asked", "due", "backlog"]


def test_a_turn_takes_one_piece_of_the_backlog() -> None:
    desk = Desk()
    for word in ("one", "two"):
        desk.jobs.put_off(lambda word=word: desk.done.append(word))

    assert desk.turn() == ["one"]
    assert desk.jobs.begin_turn() == 0.0
    assert desk.turn() == ["two"]
    assert desk.jobs.begin_turn() is None


def test_the_same_work_for_the_same_session_is_planned_once() -> None:
    desk = Desk()

    def walk(session: str) -> None:
        desk.done.append(session)

    for at_s in (3.0, 2.0, 4.0):
        desk.jobs.plan(at_s, walk, "shop")
    assert desk.jobs.begin_turn() == 2.0

    desk.now_s = 10.0
    assert desk.turn() == ["shop"]
