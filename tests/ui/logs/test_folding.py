from __future__ import annotations

from desktop_app.ui.logs.folding import fold

OURS = """Traceback (most recent call last):
  File "/opt/plugdeck/desktop_app/ui/x.py", line 3, in paint
    self.draw()
  File "/home/me/plugin.py", line 9, in annotate
    return model(image)
  File "/venv/lib/python3.11/site-packages/torch/nn.py", line 7, in call
    raise IndexError
IndexError"""


def test_the_last_line_that_is_no_librarys_stands_first() -> None:
    assert fold(OURS) == ("/home/me/plugin.py:9 in annotate\n    return model(image)", OURS)


def test_short_and_plain_details() -> None:
    assert fold("one\ntwo\n") == ("one\ntwo", "")
    long = "\n".join(f"line {number}" for number in range(20))
    head, rest = fold(long)
    assert head == "line 0\nline 1\nline 2"
    assert f"{head}\n{rest}" == long
    assert fold("") == ("", "")
    inner = ('  File "/lib/python3.11/b.py", line 2, in g', "    y")
    frames = ('  File "/lib/python3.11/a.py", line 1, in f', "    x", *inner)
    library = "\n".join(("Traceback:", *frames))
    assert fold(library)[0].startswith("/lib/python3.11/b.py:2"), "of nothing but libraries, the innermost"
