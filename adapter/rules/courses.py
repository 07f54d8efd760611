"""Courses of short-acting products: one level is due per course, at its first reachable trough (ruling 24)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from adapter.rules.confirmation import JudgedDose
from adapter.rules.episodes import Episode
from adapter.rules.limits import days, shifted, span, windows


def not_awaited(family: Sequence[JudgedDose]) -> frozenset[int]:
    """Places, in the doses of a family in order, of those for which no level is due: their course has another one."""
    places: set[int] = set()
    for course in _courses(family):
        due = _first_reachable(course, family)
        places.update(place for place in course if place != due)
    return frozenset(places)


def _courses(family: Sequence[JudgedDose]) -> Iterator[list[int]]:
    course: list[int] = []
    for place, dose in enumerate(family):
        if course and not _continues(family[course[-1]].episode, dose.episode):
            yield course
            course = []
        if _in_course(dose.episode):
            course.append(place)
    yield course


def _in_course(episode: Episode) -> bool:
    if episode.limits.policy is None:
        return False
    assert episode.limits.product  # noqa: S101 - a policy names known products only
    return episode.limits.product.course_gap_days is not None


def _continues(earlier: Episode, later: Episode) -> bool:
    if not _in_course(later):
        return False
    product = later.limits.product
    assert earlier.anchor  # noqa: S101 - a policy is chosen by the start of a dose
    assert later.began  # noqa: S101
    assert product  # noqa: S101 - checked by _in_course
    assert product.course_gap_days  # noqa: S101
    return later.began.earliest - earlier.anchor.latest <= days(product.course_gap_days.value)


def _first_reachable(course: Sequence[int], family: Sequence[JudgedDose]) -> int | None:
    return next((place for place in course if _reachable(family, place)), None)


def _reachable(family: Sequence[JudgedDose], place: int) -> bool:
    """Whether the first window of a dose opens before the next dose of the family is given."""
    following = family[place + 1].episode.began if place + 1 < len(family) else None
    return following is None or _opens(family[place].episode) <= following.latest


def _opens(episode: Episode) -> datetime:
    policy, anchor = episode.limits.policy, episode.anchor
    assert policy  # noqa: S101 - checked by _in_course
    assert anchor  # noqa: S101
    return shifted(anchor.earliest, span(windows(policy)[0].min_h))
