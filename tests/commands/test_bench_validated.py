"""What the bench validates: every resource a store owes, as its bytes; what is not valid is never counted as valid."""

from __future__ import annotations

import pytest

from adapter.commands.bench_corridor import corridor
from adapter.commands.bench_feed import feed_of
from adapter.commands.bench_validated import TARGET, Output, is_valid, outputs, validated
from adapter.fhir import dumps, loads

RESULTS = 3


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What some results led to."""
    folder = tmp_path_factory.mktemp("written")
    with corridor(folder) as store:
        store.keep(list(feed_of("relevant", RESULTS, 20, "V")))
        store.understand()
        owed = store.state.outbox_counts(TARGET)["pending"]
    found = outputs(folder / "store")
    assert len(found) == owed
    return folder / "store", found


def test_every_resource_that_is_owed_is_read_once_and_is_valid(written):
    _, found = written
    told = validated(found, RESULTS)
    assert (told.messages, told.resources, told.valid) == (RESULTS, len(found), len(found))
    assert {one.resource_type for one in found} >= {"Observation", "Provenance"}
    assert (told.message_s, told.message_us) == (told.seconds / RESULTS, told.cpu_s / RESULTS * 1e6)
    assert min(told.seconds, told.cpu_s) > 0


def test_what_was_owed_before_is_left_out(written):
    store, found = written
    assert [one.id for one in outputs(store, {found[0].id})] == [one.id for one in found[1:]]


def changed(output, **more):
    return Output(resource_type=output.resource_type, id=output.id, body=dumps(loads(output.body) | more))


@pytest.mark.parametrize("more", [{"status": "nonsense"}, {"surplus": 1}, {"code": "text"}, {"status": ""}])
def test_a_resource_that_breaks_fhir_or_a_required_code_is_not_valid(written, more):
    _, found = written
    observation = next(one for one in found if one.resource_type == "Observation")
    assert is_valid(changed(observation, note=[{"text": "a note"}]))
    assert not is_valid(changed(observation, **more))
    told = validated([observation, changed(observation, **more)], 1)
    assert (told.resources, told.valid) == (2, 1)


def test_bytes_that_are_cut_short_are_not_valid(written):
    _, (first, *_) = written
    assert not is_valid(Output(resource_type=first.resource_type, id=first.id, body=first.body[:-1]))
