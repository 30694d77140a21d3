"""What is drawn on a terminal: over itself, never more than fits, gone at the end; nothing in a pipe."""

import contextlib
import io
import sys
import threading

import pytest

from mer_jax.progress_bar import DrawnLines, ProgressBar, Redrawn, bar, duration, erase_drawn


@pytest.mark.parametrize("seconds, words", [
    (-3, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (3599.6, "1 h 00 min"),
    (7620, "2 h 07 min"), (3 * 86400 + 4 * 3600 + 59, "3 d 04 h")])
def test_durations_by_hand(seconds, words):
    assert duration(seconds) == words


def test_a_bar_is_full_at_the_end_alone():
    assert bar(0.999, 10) == "█████████░  99 %" and bar(1.0, 10) == "██████████ 100 %" and bar(-1.0, 2) == "░░   0 %"


def test_lines_replace_one_another_and_leave_nothing(terminal):
    seen, lines = terminal(), DrawnLines()
    print("before", file=sys.stderr)
    lines.draw(["one", "two", "three"])
    assert seen.rows() == ["before", "one", "two", "three"]
    lines.draw(["four"])
    assert seen.rows() == ["before", "four"]
    lines.above("said meanwhile\n")
    lines.draw(["five", "six"])
    assert seen.rows() == ["before", "said meanwhile", "five", "six"]
    lines.erase()
    print("after", file=sys.stderr)
    assert seen.rows() == ["before", "said meanwhile", "after"]


def test_at_the_bottom_of_the_screen_too(terminal):
    seen, lines = terminal(lines=6), DrawnLines()
    print("\n".join("abcdefgh"), file=sys.stderr)
    for number in range(3):
        lines.draw([f"{number} one", f"{number} two", f"{number} three"])
    assert seen.rows()[-5:] == ["g", "h", "2 one", "2 two", "2 three"]
    lines.erase()
    assert seen.rows()[-1] == "h" and not any("one" in row for row in seen.rows())


@pytest.mark.parametrize("columns, rows", [(20, 24), (5, 24), (1, 24), (80, 3), (80, 1)])
def test_a_small_terminal_shows_what_fits(terminal, columns, rows):
    seen, lines = terminal(columns, rows), DrawnLines()
    for number in range(3):
        lines.draw([f"{number}" * 79] * 7)
    shown = seen.rows()
    assert len(shown) == min(7, max(rows - 1, 1)) and set("".join(shown)) == {"2"}
    assert all(len(row) == max(columns - 1, 1) for row in shown) or columns == 80
    lines.erase()
    assert seen.rows() == []


def test_a_terminal_that_becomes_narrower_keeps_what_is_not_ours(terminal):
    seen, lines = terminal(), DrawnLines()
    print("not ours", file=sys.stderr)
    lines.draw(["a" * 79, "b" * 30, "c" * 61])
    seen.narrow(30)
    assert len(seen.rows()) == 1 + 3 + 1 + 3
    lines.draw(["a" * 79, "b"])
    assert seen.rows() == ["not ours", "a" * 29, "b"]


def test_nothing_is_drawn_in_a_pipe_or_on_a_dumb_terminal(monkeypatch, terminal):
    monkeypatch.setattr(sys, "stderr", pipe := io.StringIO())
    lines, redrawn = DrawnLines(), Redrawn(lambda: ["line"], every=0.001)
    lines.draw(["line"])
    lines.above("said\n")
    lines.erase()
    with ProgressBar(3) as progress:
        progress.advance()
    redrawn.close()
    assert pipe.getvalue() == "said\n"
    seen = terminal()
    monkeypatch.setenv("TERM", "dumb")
    DrawnLines().draw(["line"])
    assert seen.rows() == []


def test_a_terminal_that_hangs_up_does_not_stop_the_work(terminal):
    seen, lines = terminal(), DrawnLines()
    seen.hang_up()
    lines.draw(["line"])
    lines.above("said\n")
    assert not lines.on_terminal
    with contextlib.suppress(OSError):
        seen.stream.close()                                        # what is left in its buffer can go nowhere


def test_it_is_redrawn_by_itself_until_it_is_closed(terminal):
    seen, drawn, count = terminal(), threading.Event(), iter(range(10**9))

    def lines():
        if (number := next(count)) == 5:
            drawn.set()
        return [f"draw {number}", "below"]

    redrawn = Redrawn(lines, every=0.001)
    assert drawn.wait(20)
    redrawn.close()
    last = next(count)
    assert seen.rows() == [] and next(count) == last + 1           # nobody counts on


def test_whatever_is_drawn_can_be_erased_without_a_name(terminal):
    seen, progress = terminal(), ProgressBar(4, "flow")
    progress.skip(1)
    progress.advance(more="L2 t5")
    (row,) = seen.rows()
    assert row.startswith("flow ███") and " 50 %  L2 t5  " in row and row.endswith(" left")
    erase_drawn()
    assert seen.rows() == []
