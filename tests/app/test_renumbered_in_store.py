"""In the files of a store the doses of a Patient follow his corrected number, as long as their bytes are kept."""

from __future__ import annotations

import hospital
import pytest
from kept_store import KeptStore
from sqlalchemy import update

from adapter.store.inbox_tables import messages

OLD, NEW = f"{hospital.MRN}|900001", f"{hospital.MRN}|900002"
CORRECTED = {
    **hospital.patient("900001", version=2),
    "identifier": [{"system": hospital.MRN, "value": "900002"}],
}


@pytest.fixture
def kept(tmp_path):
    store = KeptStore(tmp_path, "ehr")
    yield store
    store.close()


def holders(kept):
    return [patient for patient in (OLD, NEW) if kept.state.findings(patient)[0]]


def test_the_dose_is_read_again_from_the_inbox(kept):
    kept.fhir(hospital.patient("900001"))
    kept.fhir(hospital.dose("900001"))
    assert holders(kept) == [OLD]
    kept.fhir(CORRECTED)
    assert holders(kept) == [NEW]


def test_a_dose_whose_bytes_were_pruned_stays(kept):
    kept.fhir(hospital.patient("900001"))
    kept.fhir(hospital.dose("900001"))
    with kept.inboxes["inbox-core"]._database.write() as connection:
        connection.execute(update(messages).values(raw=b""))
    kept.fhir(CORRECTED)
    assert holders(kept) == [OLD]
