"""Has a poem transformed by the server at a port, by asyncio, and prints what comes back: PORT NAME POEM-FILE."""

import asyncio
import sys


async def main(port, name, path):
    with open(path, "rb") as file:
        request = name.encode() + b"." + file.read()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"%d:%b," % (len(request), request))
    length = await reader.readuntil(b":")
    poem = await reader.readexactly(int(length[:-1]))
    # The comma, and after it the end.
    assert await reader.read() == b","
    writer.close()
    sys.stdout.buffer.write(poem)


asyncio.run(main(*sys.argv[1:]))
