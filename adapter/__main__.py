"""`python -m adapter` is the command `troughline`."""

from __future__ import annotations

import codecs
import io
import os
import sys

ESCAPED = "troughline-escaped"


def start() -> int:
    """Run one command, whatever the terminal or the program around it has done to the standard streams."""
    try:
        _open_what_is_closed()
        codecs.register_error(ESCAPED, _escaped)
        sys.stdout = _written_whole()
        from adapter.cli import main  # late: what it imports takes long enough for a Ctrl-C

        return main()
    except KeyboardInterrupt:
        return 2


def _open_what_is_closed() -> None:
    """A closed stream is led nowhere: else the next file opened, a store perhaps, would take its number."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)  # noqa: FBT003 - as for every standard stream
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def _written_whole() -> io.TextIOWrapper:
    """The output so that nothing of a text is lost: neither a character, nor without a word what finds no room."""
    out: io.TextIOWrapper = sys.stdout  # type: ignore[assignment]  # of a started program it is no other kind
    out.reconfigure(errors=ESCAPED)
    if not isinstance(out.buffer, io.RawIOBase):
        return out
    whole = io.BufferedWriter(out.buffer)  # PYTHONUNBUFFERED: a raw file takes what fits and says nothing of the rest
    return io.TextIOWrapper(whole, encoding=out.encoding, errors=ESCAPED, line_buffering=True)


def _escaped(fault: UnicodeError) -> tuple[str, int]:
    r"""What the output has no character for, as `\u00f6`: readable, and what JSON means by it."""
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    wide = fault.object[fault.start : fault.end].encode("utf-16-be", "surrogatepass")
    units = (wide[at : at + 2].hex() for at in range(0, len(wide), 2))
    return "".join(f"\\u{unit}" for unit in units), fault.end


if __name__ == "__main__":
    raise SystemExit(start())
