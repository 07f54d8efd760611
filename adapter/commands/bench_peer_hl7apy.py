"""hl7apy's own MLLP server with the least application there is; run in an environment that holds hl7apy only.

Each message is parsed and answered AA. With a file as argument, what the library reads of every OBX is a line there.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hl7apy.core import Message
from hl7apy.mllp import AbstractHandler, MLLPServer
from hl7apy.parser import parse_message

ORU = "ORU^R01^ORU_R01"
WAITING = 128


def results(message: Any) -> list[dict[str, str]]:  # noqa: ANN401 - the library publishes no types
    """Every OBX, in whatever group it was put."""
    return [_result(obx) for obx in _segments(message, "OBX")]


def _segments(element: Any, name: str) -> Iterator[Any]:  # noqa: ANN401 - the library publishes no types
    for child in element.children:
        if child.classname == "Segment":
            if child.name == name:
                yield child
        elif child.classname == "Group":
            yield from _segments(child, name)


def _result(obx: Any) -> dict[str, str]:  # noqa: ANN401 - the library publishes no types
    kind = obx.obx_2.to_er7()
    value = obx.obx_5.varies_2.to_er7() if kind == "SN" else obx.obx_5.to_er7()
    return {
        "number": value if kind in ("NM", "SN") else "",
        "comparator": obx.obx_5.varies_1.to_er7() if kind == "SN" else "",
        "text": "" if kind in ("NM", "SN") else value,
        "at": obx.obx_14.to_er7(),
        "status": obx.obx_11.to_er7(),
    }


class Results(AbstractHandler):  # type: ignore[misc]  # the library publishes no types
    """Parses a result and answers it."""

    def __init__(self, message: str, told: Path | None) -> None:
        super().__init__(message)
        self._told = told

    def reply(self) -> str:
        """The acknowledgment, framed."""
        message = parse_message(self.incoming_message)
        if self._told:
            with self._told.open("a", encoding="utf-8") as file:
                file.write(json.dumps(results(message)) + "\n")
        answer = Message("ACK", version=message.msh.msh_12.to_er7())
        answer.msh.msh_9 = "ACK^R01^ACK"
        answer.msa.msa_1 = "AA"
        answer.msa.msa_2 = message.msh.msh_10.to_er7()
        return str(answer.to_mllp())


class Listener(MLLPServer):  # type: ignore[misc]  # the library publishes no types
    """Its server with room for every sender that connects at once; with the usual five some would wait a second."""

    request_queue_size = WAITING


def serve(told: Path | None) -> None:
    """Print the port, then answer until stdin closes."""
    server = Listener("127.0.0.1", 0, {ORU: (Results, told)})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    serve(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
