# -*- coding: utf-8 -*-
# Copyright (c) 2026, The stateops.langgraph authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Python programs in forks of one process that has already imported what they need: FORKSERVER.PY SOCKET LIBRARY MODULE...

A client connects to SOCKET and sends one JSON document with argv, env, cwd and umask, together with three file descriptors.
The fork runs the program that it reads from its standard input, as `python -` does. The server returns the process id,
then the exit code. The server ends when its standard input is closed.
"""

import array
import atexit
import gc
import importlib
import json
import os
import random
import selectors
import socket
import sys
import tempfile
import threading
import types

LIMIT = 1 << 20


def receive(connection):
    """(document, file descriptors) of one request."""
    size = array.array("i").itemsize
    data, ancillary, _flags, _address = connection.recvmsg(LIMIT, socket.CMSG_SPACE(3 * size))
    descriptors = array.array("i")
    for _level, _kind, content in ancillary:
        descriptors.frombytes(content[: len(content) - len(content) % size])
    return json.loads(data.decode("utf-8")), descriptors.tolist()


def run(asked, descriptors):
    """Run the program in this process. Does not return."""
    code = 1
    try:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(asked["env"])
        os.umask(asked["umask"])
        os.chdir(asked["cwd"])
        tempfile.tempdir = None
        random.seed()
        # The exit functions that imports have registered must only run in the server.
        atexit._clear()
        sys.argv = asked["argv"]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        with open(0, "rb", closefd=False) as program:
            source = program.read()
        exec(compile(source, "<stdin>", "exec"), main.__dict__)
        code = 0
    except SystemExit as over:
        code = over.code if isinstance(over.code, int) else 0 if over.code is None else complain(over.code)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code & 0xFF)


def complain(message):
    print(message, file=sys.stderr)
    return 1


def serve(listener):
    """Fork for each request. A pidfd signals the end of a process, so nothing is polled."""
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _events in selector.select():
            if key.fileobj == 0:
                return
            if key.fileobj is listener:
                connection = listener.accept()[0]
                asked, descriptors = receive(connection)
                child = os.fork()
                if child == 0:
                    selector.close()
                    listener.close()
                    connection.close()
                    run(asked, descriptors)
                for descriptor in descriptors:
                    os.close(descriptor)
                connection.send(b"%d" % child)
                selector.register(os.pidfd_open(child), selectors.EVENT_READ, (child, connection))
            else:
                child, connection = key.data
                selector.unregister(key.fileobj)
                os.close(key.fileobj)
                status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                try:
                    connection.send(b"%d" % status)
                except OSError:
                    pass  # the client has ended
                connection.close()


def main():
    sys.dont_write_bytecode = True
    path, library, *modules = sys.argv[1:]
    sys.path[0] = library
    for module in modules:
        importlib.import_module(module)
    # Otherwise, a garbage collection in a fork would copy every page of the imported modules.
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)
        serve(listener)


if __name__ == "__main__":
    main()
