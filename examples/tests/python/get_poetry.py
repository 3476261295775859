"""Gets the poem of each port, all at once, by asyncio, and prints them in the order of the ports."""

import asyncio
import sys


async def get_poem(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    poem = await reader.read()
    writer.close()
    return poem


async def main():
    poems = await asyncio.gather(*(get_poem(int(port)) for port in sys.argv[1:]))
    for poem in poems:
        sys.stdout.buffer.write(poem)


asyncio.run(main())
