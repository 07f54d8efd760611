"""python-hl7's own MLLP server with the least application there is; run in an environment that holds python-hl7 only.

Each message is parsed and answered AA. With a file as argument, what the library reads of every OBX is a line there.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import hl7
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server


def results(message: Any) -> list[dict[str, str]]:  # noqa: ANN401 - the library publishes no types
    """Every OBX, as an application would take it from the parsed message."""
    count = len(message.segments("OBX"))
    return [_result(message, number) for number in range(1, count + 1)]


def _result(message: Any, number: int) -> dict[str, str]:  # noqa: ANN401 - the library publishes no types
    obx = message.segments("OBX")[number - 1]
    kind = str(obx(2))
    structured = kind == "SN"
    value = message.extract_field("OBX", number, 5, 1, 2 if structured else 1)
    return {
        "number": value if kind in ("NM", "SN") else "",
        "comparator": message.extract_field("OBX", number, 5, 1, 1) if structured else "",
        "text": "" if kind in ("NM", "SN") else value,
        "at": str(obx(14)),
        "status": str(obx(11)),
    }


async def answer(reader: HL7StreamReader, writer: HL7StreamWriter, told: Path | None) -> None:
    """One connection, until the sender closes it."""
    try:
        while True:
            message = await reader.readmessage()
            if told:
                with told.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(results(message)) + "\n")
            writer.writemessage(message.create_ack("AA"))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, hl7.ParseException):
        writer.close()


async def serve(told: Path | None) -> None:
    """Print the port, then answer until stdin closes."""
    server = await start_hl7_server(
        lambda reader, writer: answer(reader, writer, told), "127.0.0.1", 0, encoding="utf-8", limit=2**20
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
