"""What the contenders written in Python share: the same as `src/child.rs`."""

import os
import sys
import threading

MODULE, WORK = sys.argv[1:]
KIND, *ARGUMENTS = WORK.split("=")


def payload(length):
    """Bytes in which a gap, a repetition or a change of order shows."""
    return (bytes(range(251)) * (length // 251 + 1))[:length]


def say(what):
    print(what, flush=True)


def end_with_parent():
    """A server has nothing to read; the end of its input is the end of its parent."""

    def wait():
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def fetch_arguments():
    """Where poems come from, as host and port, and how many are got at a time."""
    host, port = ARGUMENTS[0].split(":")
    return host, int(port), int(ARGUMENTS[1])


def numbers_of_poems():
    """How many poems are wanted, again and again."""
    say("ready")
    for line in sys.stdin:
        yield int(line)
