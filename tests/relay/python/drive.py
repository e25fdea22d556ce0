"""One python-socketio client, driven by JSON lines as `../js/drive.cjs` is: orders on standard input, events on
standard output.

    {"connect": url, "options": {...}}   {"emit": event, "data": ..., "ack"?: true}   {"disconnect": true}
"""

import asyncio
import json
import sys

import socketio


def tell(event, data=None):
    print(json.dumps({"event": event, "data": data}), flush=True)


async def main():
    client = socketio.AsyncClient(reconnection=False)
    client.on("connect", lambda: tell("connect", {"id": client.sid, "transport": client.transport()}))
    client.on("connect_error", lambda data=None: tell("connect_error", {"message": str(data)}))
    client.on("disconnect", lambda reason=None: tell("disconnect", {"reason": reason}))
    client.on("*", lambda event, data=None: tell(event, data))

    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        order = json.loads(line)
        if "connect" in order:
            await client.connect(order["connect"], **order["options"])
        elif "disconnect" in order:
            await client.disconnect()
        elif order.get("ack"):
            await client.emit(order["emit"], order["data"], callback=lambda answer: tell("ack", answer))
        else:
            await client.emit(order["emit"], order.get("data"))
    await client.disconnect()


asyncio.run(main())
