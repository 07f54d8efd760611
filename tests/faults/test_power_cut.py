"""The power is cut at a thousand moments of a hospital's day: whatever was acknowledged is there, and counts once."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from blackbox import Blackbox
from feeding import drained, remains
from power_cut import LOSSES, Disk, lay_down, none_of_it
from recorded import record
from recovering import INBOXES, found_in, rebuilt, results_after
from running_service import Service

IMAGES = int(os.environ.get("TROUGHLINE_POWER_CUTS", "1000"))

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600 + IMAGES)]

WORKED_OUT = 12
"""So many images have what came of them compared with what their messages give when read anew."""
STARTED = 2
PATIENTS = [str(920001 + n) for n in range(16)]
QUICK_DISK = Path("/dev/shm")  # noqa: S108 - a folder in memory: images are laid down and thrown away


@pytest.fixture(scope="module")
def recording(recorder, tmp_path_factory):
    return recorded_day(recorder, tmp_path_factory.mktemp("day"), {})


def recorded_day(recorder, folder, environment):
    (folder / "watched").mkdir()
    with Blackbox(recorder, folder / "watched") as blackbox:
        return record(blackbox, PATIENTS, folder / "log", environment)


@pytest.fixture
def images(tmp_path):
    """A place for images that are read once."""
    folder = Path(tempfile.mkdtemp(prefix="troughline-", dir=QUICK_DISK if QUICK_DISK.is_dir() else tmp_path))
    yield folder
    shutil.rmtree(folder)


def cuts(recording, count, chance):
    """(number of the record, loss): directly after every answer, and anywhere."""
    after_answers = [(number, none_of_it) for number in recording.answers]
    anywhere = range(min(recording.answers), len(recording.records))
    more = [(chance.choice(anywhere), chance.choice(LOSSES)) for _ in range(max(0, count - len(after_answers)))]
    return sorted([*after_answers, *more], key=lambda cut: cut[0])


def disks_at(recording, cuts, without_syncs_of=None):
    """(the disk at that moment, the loss) for every cut, in order."""
    disk, begin = Disk(recording.root), 0
    for number, loss in cuts:
        for at in range(begin, number + 1):
            record = recording.records[at]
            if not (without_syncs_of and record.kind == "S" and record.path.endswith(without_syncs_of)):
                disk.apply(at, record)
        begin = number + 1
        yield number, disk, loss


def promised(recording, number):
    return Counter(raw for answered, raw in recording.answers.items() if answered <= number)


def kept_in(found):
    return Counter(row.arrival.raw for name in INBOXES for row in found.kept[name])


def test_nothing_acknowledged_is_lost_and_nothing_counts_twice(recording, loaded, images):
    chance = random.Random(20250310)  # noqa: S311 - a seed, not a secret
    chosen = cuts(recording, IMAGES, chance)
    worked_out = set(chance.sample(range(len(chosen)), WORKED_OUT))
    unread = set()
    for n, (number, disk, loss) in enumerate(disks_at(recording, chosen)):
        folder = images / str(n)
        lay_down(disk.image(loss, chance), folder)
        found = found_in(folder / "store")
        kept = kept_in(found)
        where = f"cut {n} after record {number}, {loss.__name__}"
        assert found.intact, where
        assert promised(recording, number) <= kept, where
        assert set(kept.values()) <= {1}, where
        if n in worked_out:
            assert results_after(folder / "store", loaded) == rebuilt(found.kept, loaded), where
        unread.add(found.unread)
        shutil.rmtree(folder)
    assert len(chosen) >= IMAGES
    assert {0, 1} <= unread


def test_a_service_started_after_a_cut_makes_of_its_store_what_its_messages_say(recording, loaded, images, tmp_path):
    chance = random.Random(20250311)  # noqa: S311 - a seed, not a secret
    chosen = [(number, chance.choice(LOSSES)) for number in sorted(chance.sample(list(recording.answers), STARTED))]
    for n, (number, disk, loss) in enumerate(disks_at(recording, chosen)):
        lay_down(disk.image(loss, chance), images / str(n))
        wanted = rebuilt(found_in(images / str(n) / "store").kept, loaded)
        service = Service(images / str(n) / "store", log=tmp_path / "log")
        try:
            drained(service)
            assert service.stop() == 0
        finally:
            service.end()
        left = remains(service.store)
        raws = Counter([*left.kept, *left.kept_fhir])
        assert promised(recording, number) <= raws
        assert {patient: left.findings[patient] for patient in wanted} == {p: found for p, (found, _) in wanted.items()}
        assert "Traceback" not in service.log.read_text()


def lost_after_answers(recording, images, **lying):
    """How many cuts directly after an answer lose something that was acknowledged."""
    lost = 0
    chance = random.Random(20250312)  # noqa: S311 - a seed, not a secret
    for number, disk, loss in disks_at(recording, cuts(recording, 0, chance), **lying):
        lay_down(disk.image(loss, chance), images / str(number))
        lost += not promised(recording, number) <= kept_in(found_in(images / str(number) / "store"))
        shutil.rmtree(images / str(number), ignore_errors=True)
    return lost


def test_the_loss_of_a_store_that_does_not_sync_every_commit_would_be_seen(recorder, images, tmp_path):
    weaker = recorded_day(recorder, tmp_path, {"PYTHONPATH": str(Path(__file__).with_name("weaker"))})
    assert lost_after_answers(weaker, images) > len(weaker.answers) / 2


def test_the_loss_on_a_disk_that_does_not_honour_its_syncs_would_be_seen(recording, images):
    assert lost_after_answers(recording, images, without_syncs_of="inbox.db-wal") > 0
