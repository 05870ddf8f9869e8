"""Entry of a script's worker: `PYTHON -u …/child/boot.py` in any interpreter from 3.8 on; the rest comes by frame.

Python puts this file's folder first on the path. It is taken off before anything is imported from it, so that none of
our files can stand in for a module of the script's.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main():  # type: () -> None
    """Waits for the load frame, runs the script, serves its callback."""
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    writes_no_bytecode = sys.dont_write_bytecode
    sealed = ".app/Contents/" in HERE  # a signed application of macOS must not change on disk
    sys.dont_write_bytecode = sealed or writes_no_bytecode
    compat = os.path.join(HERE, "compat")
    sys.path.append(compat)  # last: whatever the interpreter has installed comes first
    from plugdeck_child import bridge, script, serve

    server = serve.Server.open()
    frame = server.wait_for_load()
    bridge.install(compat, sealed)
    sys.dont_write_bytecode = writes_no_bytecode
    try:
        script.Script(server, frame).run()
    except serve.Failure as failure:
        server.fail(failure)
        server.end(serve.NOT_STARTED)
    except SystemExit:
        server.end()
    except BaseException as error:
        server.fail(serve.unforeseen(error))
        server.end(serve.NOT_STARTED)
    server.end()


if __name__ == "__main__":
    if sys.version_info < (3, 8):
        sys.stderr.write("Plugdeck needs Python 3.8 or newer; this is %s\n" % sys.version.split()[0])
        sys.exit(72)
    main()
