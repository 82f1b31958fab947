import threading

from expokeep.model.digest import digest_of
from expokeep.snapshot.claims import Claims

ONE, OTHER = digest_of(b"one"), digest_of(b"other")


def test_a_second_claim_waits_for_the_first_to_be_released():
    claims = Claims()
    first = claims.claim([ONE])
    second_has_it = threading.Event()

    def ask() -> None:
        claims.claim([ONE]).release()
        second_has_it.set()

    thread = threading.Thread(target=ask)
    thread.start()
    was_early = second_has_it.wait(0.05)
    first.release()
    thread.join(5)

    assert not was_early
    assert second_has_it.is_set()


def test_other_contents_do_not_wait():
    claims = Claims(patience_s=30)
    claims.claim([ONE])

    claims.claim([OTHER]).release()


def test_what_is_stored_already_is_let_go_of_early():
    claims = Claims(patience_s=30)
    claim = claims.claim([ONE, OTHER])

    claim.keep_only([ONE])

    claims.claim([OTHER]).release()


def test_patience_ends_and_the_right_stays_with_its_holder():
    claims = Claims(patience_s=0.01)
    holder = claims.claim([ONE])

    claims.claim([ONE]).release()
    still_held = claims._claimed

    assert still_held == {ONE}
    holder.release()
