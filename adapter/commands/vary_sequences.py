"""Variations of several messages: corrections, repeats, an old one after a new one, a wrong patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapter.commands.vary_edit import Good, later, lines_of
from adapter.commands.vary_variation import Variation

OTHER_FILLER = "X2"


def sequence_variations(good: Good) -> Iterator[Variation]:
    """Several messages in one case, read one after the other, each alone; and two orders in one message."""
    for name, letters, says in (
        ("p-f-c-d", "PFCD", "preliminary, final, corrected, deleted"),
        ("p-u", "PU", "preliminary, then final without being sent again"),
        ("f-c", "FC", "final, then corrected"),
        ("f-x", "FX", "final, then cannot be obtained"),
        ("f-w", "FW", "final, then posted as wrong"),
    ):
        yield _joined(f"sequence-{name}", says, [_step(good, n, letter) for n, letter in enumerate(letters)])
    yield _joined("sequence-c-without-f", "a correction of what never came", [_step(good, 0, "C")])
    yield _joined("sequence-twice", "the same message twice", [good.message.encode()] * 2)
    old, new = _step(good, 0, "F"), _step(good, 1, "C")
    yield _joined("sequence-old-after-new", "an old message comes after the new one", [new, old])
    yield from _wrong_patient(good)
    yield from _two_orders(good)


def _step(good: Good, number: int, letter: str, *, patient: str = "") -> bytes:
    """The message a number of hours later, with that status and a control id of its own."""
    header = good.message.segments[0]
    fields = [
        ("MSH", 7, later(header.field(7), number)),
        ("MSH", 10, f"{header.field(10)}-{number + 1}"),
        ("OBX", 11, letter),
    ]
    if good.order.field(22):
        fields.append(("OBR", 22, later(good.order.field(22), number)))
    if patient:
        fields.append(("PID", 3, patient))
    return good.with_fields(*fields).message.encode()


def _wrong_patient(good: Good) -> Iterator[Variation]:
    person = good.message.first("PID")
    if person is None:
        return
    number, mark, rest = person.field(3).partition("^")
    other = f"{number}9{mark}{rest}"
    wrong = [_step(good, 0, "F", patient=other), _step(good, 1, "W", patient=other), _step(good, 2, "F")]
    yield _joined(
        "sequence-wrong-patient", "reported for a wrong patient, withdrawn there, reported for the right one", wrong
    )


def _two_orders(good: Good) -> Iterator[Variation]:
    lines = lines_of(good.message)
    first, last = good.order.index, max(good.result.index, _last_specimen(good))
    order = good.order.text.split("|")
    order += [""] * (4 - len(order))
    order[1], order[3] = "2", f"{order[3].split('^')[0]}{OTHER_FILLER}"
    second = ["|".join(order), *lines[first + 1 : last + 1]]
    text = "".join(f"{line}\r" for line in [*lines[: last + 1], *second, *lines[last + 1 :]])
    raw = text.encode(good.message.charset)
    yield Variation(name="orders-two", says="two orders in one message, each with its result", raw=raw)


def _last_specimen(good: Good) -> int:
    return max((segment.index for segment in good.message.named("SPM")), default=0)


def _joined(name: str, says: str, messages: Sequence[bytes]) -> Variation:
    ended = [message.rstrip(b"\r\n") + b"\r" for message in messages]
    return Variation(name=name, says=says, raw=b"".join(ended))
