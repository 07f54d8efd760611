from __future__ import annotations

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from adapter.store.inbox_tables import metadata as inbox_metadata
from adapter.store.state_tables import metadata as state_metadata

TABLES = {table.name: table for metadata in (inbox_metadata, state_metadata) for table in metadata.sorted_tables}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_and_index_can_be_made_on_postgresql(name):
    table = TABLES[name]
    assert str(CreateTable(table).compile(dialect=postgresql.dialect())).strip().startswith("CREATE TABLE")
    for index in table.indexes:
        assert str(CreateIndex(index).compile(dialect=postgresql.dialect())).startswith("CREATE INDEX")


def test_the_index_of_repeats_leaves_fhir_pushes_out_on_both_databases():
    made = {index.name: index for index in TABLES["messages"].indexes}
    assert str(CreateIndex(made["messages_by_control_id"]).compile(dialect=postgresql.dialect())) == (
        "CREATE INDEX messages_by_control_id ON messages (sender, control_id, digest) WHERE kind = 'hl7v2'"
    )
