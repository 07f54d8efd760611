"""Found on PYTHONPATH by every process of a service: not every commit is synced, whatever the store asks."""

import sqlite3


class Weaker(sqlite3.Connection):
    """A connection with synchronous=NORMAL."""

    def execute(self, statement, *values):
        return super().execute(statement.replace("synchronous = FULL", "synchronous = NORMAL"), *values)


_connect = sqlite3.connect
sqlite3.connect = lambda *places, **options: _connect(*places, factory=Weaker, **options)
