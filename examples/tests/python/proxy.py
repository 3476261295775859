"""Passes the poem of the server at a port on to everyone, by asyncio, and asks for it once."""

import asyncio
import sys


async def main(port):
    poem = None

    async def pass_on(_, writer):
        nonlocal poem
        if poem is None:
            reader, server = await asyncio.open_connection("127.0.0.1", port)
            poem = await reader.read()
            server.close()
        writer.write(poem)
        writer.close()

    proxy = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    print("Proxying on 127.0.0.1:%d." % proxy.sockets[0].getsockname()[1], flush=True)
    await proxy.serve_forever()


asyncio.run(main(sys.argv[1]))
