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


def test_warnings_about_folders_of_the_site_are_told_at_a_start_and_do_not_stop_it(tmp_path):
    tables = tmp_path / "site" / "tables"
    tables.mkdir(parents=True)
    (tables / "~$units.csv").write_bytes(b"\x05owner")
    (tables / "units.csv.txt").write_text("", encoding="utf-8")
    loaded, faults = read_everything(Instructions(mappings=(str(tmp_path / "site"),)))
    assert loaded is not None
    assert [(fault.file, fault.severity) for fault in faults] == [
        (f"{tables.as_posix()}/units.csv.txt", "warning"),
        (f"{tables.as_posix()}/~$units.csv", "warning"),
    ]


def test_a_folder_of_tables_with_a_capital_stops_a_start(tmp_path):
    tables = tmp_path / "site" / "Tables"
    tables.mkdir(parents=True)
    (tables / "units.csv").write_text("sender,code,system,target\n", encoding="utf-8")
    loaded, faults = read_everything(Instructions(mappings=(str(tmp_path / "site"),)))
    assert loaded is None
    assert [fault.text.rpartition("; ")[2] for fault in faults] == ["did you mean tables/?"]
