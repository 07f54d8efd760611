"""What the parts of the service are made of is checked together: settings beside the tables they speak of."""

from __future__ import annotations

import pytest

from adapter.app.parts import Instructions, read_everything


def read(tmp_path, unit):
    config = tmp_path / "site.yaml"
    config.write_text(f"senders:\n- match: LIS|*\n  zone: UTC\n  assumed_unit: '{unit}'\n")
    return read_everything(Instructions(config=str(config)))


@pytest.mark.parametrize("unit", ["IU/mL", "IU/L", "[IU]/L", "kU/L"])
def test_any_spelling_of_a_unit_of_an_activity_may_be_assumed(tmp_path, unit):
    loaded, faults = read(tmp_path, unit)
    assert (loaded is not None, faults) == (True, [])


@pytest.mark.parametrize("unit", ["foo", "mg", "AU/mL", "IU", "refused"])
def test_a_unit_that_would_never_be_assumed_is_a_fault(tmp_path, unit):
    loaded, faults = read(tmp_path, unit)
    assert loaded is None
    said = f"'assumed_unit: {unit}' of the sender 'LIS|*' is no unit of an activity; write IU/mL or IU/L"
    assert [str(fault) for fault in faults] == [f"{tmp_path}/site.yaml:4: {said}"]
