"""Forks victims of `killing`: a program that has imported all that they need.

It reads errands from a socket, and answers each twice: with the pid of the process that
it forked, and with what became of it.
"""

import contextlib
import os
import sys
from multiprocessing.connection import Connection

import killing
from expokeep.store.s3 import S3Settings, S3Store


def main(connection: Connection) -> None:
    """Fork until nobody asks any more."""
    nowhere = S3Settings("http://127.0.0.1:1", "bucket", "an-id", "a-secret")
    with contextlib.closing(S3Store(nowhere)) as store:
        store.warm()  # botocore reads its description of S3, once for all
    with contextlib.suppress(EOFError):
        while True:
            errand = connection.recv()
            pid = os.fork()
            if pid == 0:
                os._exit(killing.run(*errand))
            connection.send(pid)
            _, status = os.waitpid(pid, 0)
            connection.send(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])))
