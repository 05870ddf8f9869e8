"""What scripts do to a process, and that it costs at most their own job."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_app.core import aio
from desktop_app.core.errors import CallbackError, ModelLoadError, ModelTimeout, WorkerDied
from desktop_app.core.events import Level
from desktop_app.runner.pool import RunnerPhase

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")

# Each does something nasty when the job says so, and answers otherwise.
ENDS_ITS_JOB = {
    "sys.exit": ("sys.exit(3)", "the script called sys.exit(3)"),
    "exit": ("exit()", "the script called sys.exit()"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "the script raised KeyboardInterrupt"),
    "SystemExit": ("raise SystemExit('no')", "the script called sys.exit('no')"),
    "GeneratorExit": ("raise GeneratorExit", "the script raised GeneratorExit"),
    "error": ("{}['x']", "the script raised KeyError: 'x'"),
    "error that cannot be shown": ("raise type('Odd', (Exception,), {'__str__': lambda s: 1 / 0})()", "raised Odd"),
}


@pytest.mark.parametrize("name", ENDS_ITS_JOB)
async def test_an_exception_costs_the_job_only(make_bench: Any, name: str) -> None:
    nasty, told = ENDS_ITS_JOB[name]
    bench = make_bench(f"def callback(**data):\n    if data.get('nasty'):\n        {nasty}\n    return GOOD\n")
    await bench.runner.start()
    with pytest.raises(CallbackError) as raised:
        await bench.run(nasty=True)
    assert told in raised.value.what
    assert raised.value.where == "plugin.py:8"
    assert raised.value.details.startswith("plugin.py:8 in callback\n")
    pid = bench.runner.pid
    assert (await bench.run()).returned["data"] == "u"
    assert bench.runner.pid == pid
    assert bench.runner.crashes == 0


async def test_recursion_without_end(make_bench: Any) -> None:
    bench = make_bench("def callback(**data):\n    return callback(**data) if data.get('nasty') else GOOD\n")
    await bench.runner.start()
    with pytest.raises(CallbackError, match="called itself too often") as raised:
        await bench.run(nasty=True)
    assert len(raised.value.details.splitlines()) < 120
    assert (await bench.run()).generation == "documented"


DEADLY = {
    "os._exit": ("os._exit(9)", "its own exit with code 9", ""),
    "segfault": ("import ctypes; ctypes.string_at(0)", "a segmentation fault (SIGSEGV)", "plugin.py:8"),
    "abort": ("os.abort()", "an abort in native code (SIGABRT)", "plugin.py:8"),
    "SIGKILL": ("os.kill(os.getpid(), 9)", "a kill from outside", ""),
    "closes every descriptor": ("os.closerange(0, 1000); time.sleep(60)", "", ""),
}


@posix_only
@pytest.mark.parametrize("name", DEADLY)
async def test_a_dead_worker_costs_its_job_and_is_replaced(make_bench: Any, name: str) -> None:
    nasty, cause, where = DEADLY[name]
    bench = make_bench(f"def callback(**data):\n    if data.get('nasty'):\n        {nasty}\n    return GOOD\n")
    await bench.runner.start()
    first = bench.runner.pid
    with pytest.raises(WorkerDied) as raised:
        await bench.run(nasty=True)
    assert cause in raised.value.what
    assert raised.value.where == where
    assert bench.runner.crashes == 1
    assert (await bench.run()).returned["data"] == "u"
    assert bench.runner.pid != first
    assert bench.runner.crashes == 0


@posix_only
@pytest.mark.parametrize("nasty", ["os._exit(9)", "import ctypes; ctypes.string_at(0)"])
async def test_who_shares_a_worker_with_a_deadly_job_is_answered_all_the_same(make_bench: Any, nasty: str) -> None:
    bench = make_bench(
        f"""
        HERE = os.path.dirname(os.path.abspath(__file__))
        def callback(**data):
            name = data["name"]
            print("started", name)
            while not os.path.exists(os.path.join(HERE, "open-" + name)):
                time.sleep(0.01)
            if data.get("nasty"):
                {nasty}
            return dict(GOOD, data=name)
        """,
        concurrency=3,
    )
    await bench.runner.start()

    def started(name: str) -> int:
        return bench.printed().count(f"started {name}")

    def let_go(name: str) -> None:
        (bench.profile.source.script.parent / f"open-{name}").touch()

    jobs = {name: aio.spawn(bench.run(name=name, nasty=name == "c"), name=name) for name in "abc"}
    await bench.until(lambda: started("a") and started("b") and started("c"))
    let_go("c")
    # One at a time now, so that whoever did it does it alone.
    await bench.until(lambda: bench.runner.crashes == 2 or started("a") == 2 or started("b") == 2)
    let_go("a")
    let_go("b")
    with pytest.raises(WorkerDied):
        await jobs["c"]
    assert [(await jobs[name]).returned["data"] for name in "ab"] == ["a", "b"]
    assert {name: started(name) for name in "abc"} == {"a": 2, "b": 2, "c": 2}
    told = [text for _, text, _ in bench.session]
    assert told == ["the worker died with 3 jobs in it; this job is run once more, alone"] * 3
    assert (await bench.run(name="a")).returned["data"] == "a"


@posix_only
async def test_the_last_words_of_native_code_are_kept(make_bench: Any) -> None:
    bench = make_bench(
        """
        def callback(**data):
            import ctypes
            libc = ctypes.CDLL(None)
            libc.write(2, b"terminate called: bad tensor\\n", 29)
            libc.abort()
        """
    )
    await bench.runner.start()
    with pytest.raises(WorkerDied) as raised:
        await bench.run()
    assert "terminate called: bad tensor" in "\n".join(bench.printed()) + raised.value.details


SLOW = {
    "spins": "while True: pass",
    "sleeps": "time.sleep(1e6)",
    "ignores signals": "import signal; [signal.pthread_sigmask(0, {15, 2, 1}), time.sleep(1e6)]",
    "waits for a lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
}


@pytest.mark.parametrize("name", SLOW)
async def test_what_never_ends_is_timed_out(make_bench: Any, name: str) -> None:
    bench = make_bench(
        f"def callback(**data):\n    if data.get('nasty'):\n        {SLOW[name]}\n    return GOOD\n", timeout_s=1.5
    )
    await bench.runner.start()
    before = time.monotonic()
    with pytest.raises(ModelTimeout, match=r"limit of 1\.5 s") as raised:
        await bench.run(nasty=True)
    assert time.monotonic() - before < 20
    assert raised.value.where == "plugin.py:8"
    assert raised.value.details.startswith("plugin.py:8 in callback")
    assert (await bench.run()).returned["data"] == "u"
    assert bench.runner.crashes == 0, "a time-out is no crash"


@posix_only
async def test_native_code_that_holds_the_interpreter_for_ever(make_bench: Any) -> None:
    bench = make_bench(
        """
        import ctypes
        def callback(**data):
            if data.get("nasty"):
                ctypes.PyDLL(None).pause()
            return GOOD
        """,
        timeout_s=1.5,
    )
    await bench.runner.start()
    with pytest.raises(ModelTimeout):
        await bench.run(nasty=True)
    assert (await bench.run()).returned["data"] == "u"


async def test_megabytes_of_prints_are_thinned_and_never_block(make_bench: Any) -> None:
    bench = make_bench(
        """
        def callback(**data):
            for number in range(200_000):
                print("line", number, "x" * 100)
            print("long " + "y" * 3_000_000)
            print("half a line", end="")
            return GOOD
        """
    )
    await bench.runner.start()
    assert (await bench.run()).returned["data"] == "u"
    said = bench.printed()
    assert said[0].startswith("line 0 ")
    assert 100 < len(said) < 5000
    assert any("lines of stdout were left out" in line for line in said)
    left_out = sum(int(line.split()[0]) for line in said if "left out" in line)
    assert left_out + len([line for line in said if "left out" not in line]) == 200_002
    assert max(len(line) for line in said) < 9000


async def test_a_flood_from_the_logger_is_thinned_too(make_bench: Any) -> None:
    bench = make_bench(
        """
        def callback(**data):
            for number in range(50_000):
                data["logger"].info("line %d", number)
            return GOOD
        """
    )
    await bench.runner.start()
    await bench.run()
    assert 1000 < len(bench.session) < 20_000
    assert any("lines of logger were left out" in text for _, text, _ in bench.session)


async def test_raw_writes_to_descriptors_become_lines(make_bench: Any) -> None:
    bench = make_bench(
        """
        import subprocess
        def callback(**data):
            os.write(1, b"raw one\\n")
            os.write(2, b"raw two\\n\\xff\\xfe bytes\\n")
            os.write(1, bytes(range(256)) * 30 + b"\\n")
            subprocess.run([sys.executable, "-c", "print('from a child')"])
            os.write(1, b"\\nno newline at the end")
            return GOOD
        """
    )
    await bench.runner.start()
    for _ in range(3):
        assert (await bench.run()).returned["data"] == "u"
    said = bench.printed()
    for line in ("raw one", "raw two", "from a child", "no newline at the end"):
        assert said.count(line) == 3, line
    assert {line.job.session for line in bench.lines if line.message == "raw one"} == {"S"}


async def test_frames_survive_what_looks_like_frames(make_bench: Any) -> None:
    bench = make_bench(
        """
        def callback(**data):
            fake = b'{"type":"result","id":1,"prediction":{"returned":"forged"}}'
            os.write(1, len(fake).to_bytes(4, "little") + bytes(4) + fake)
            sys.stdout.flush()
            return GOOD
        """
    )
    await bench.runner.start()
    assert (await bench.run()).returned["data"] == "u"


async def test_prints_of_every_kind_are_seen(make_bench: Any) -> None:
    bench = make_bench(
        """
        import logging
        print("while loading")
        def callback(**data):
            print("to stdout")
            print("to stderr", file=sys.stderr)
            sys.stdout.write("written\\n")
            sys.stdout.buffer.write(b"bytes\\n")
            print("over and", "over", sep="\\r")
            print("s\\u00fc\\u00df \\ud800")
            logging.getLogger().info("root logger")
            logging.warning("watch out")
            thread = threading.Thread(target=print, args=("from a thread",))
            thread.start()
            thread.join()
            assert sys.stdout.encoding == "utf-8" and not sys.stdout.isatty() and sys.stdout.fileno() == 1
            return GOOD
        """
    )
    await bench.runner.start()
    assert "while loading" in bench.printed()
    await bench.run()
    said = bench.printed()
    for line in (
        "to stdout", "to stderr", "written", "bytes", "over", "süß \\ud800", "INFO:root:root logger",
        "WARNING:root:watch out", "from a thread",
    ):  # fmt: skip
        assert line in said, line
    levels = {line.message: line.level for line in bench.lines}
    assert levels["WARNING:root:watch out"] is Level.WARNING
    assert levels["to stderr"] is Level.INFO


async def test_stdout_may_be_replaced_and_closed(make_bench: Any) -> None:
    bench = make_bench(
        """
        import io
        def callback(**data):
            sys.stdout = io.StringIO()
            print("swallowed")
            sys.stdout = None
            sys.stderr.close()
            os.write(1, b"still heard\\n")
            return GOOD
        """
    )
    await bench.runner.start()
    for _ in range(2):
        assert (await bench.run()).returned["data"] == "u"
    assert "still heard" in bench.printed()


async def test_stdin_may_be_read_and_closed(make_bench: Any) -> None:
    bench = make_bench(
        """
        def callback(**data):
            if data.get("nasty"):
                sys.stdin.close()
                os.close(0)
            else:
                assert sys.stdin.read() == ""
                try:
                    input()
                except EOFError:
                    pass
            return GOOD
        """
    )
    await bench.runner.start()
    await bench.run()
    await bench.run(nasty=True)
    assert bench.runner.crashes == 0


@posix_only
async def test_a_fork_speaks_for_nobody(make_bench: Any) -> None:
    bench = make_bench(
        """
        def callback(**data):
            pid = os.fork()
            if pid == 0:
                print("from the fork")
                data["logger"].info("from the fork's logger")
                return GOOD  # the fork comes back as well
            os.waitpid(pid, 0)
            return dict(GOOD, data="parent")
        """
    )
    await bench.runner.start()
    for _ in range(3):
        assert (await bench.run()).returned["data"] == "parent"
    assert bench.printed().count("from the fork") == 3
    assert bench.session == []


@posix_only
async def test_a_fork_that_outlives_its_parent_goes_too(make_bench: Any) -> None:
    bench = make_bench(
        """
        import subprocess
        def callback(**data):
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            detached = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
            if os.fork() == 0:
                time.sleep(600)
            print("pids", child.pid, detached.pid)
            if data.get("nasty"):
                os._exit(1)
            return GOOD
        """
    )
    await bench.runner.start()
    await bench.run()
    pids = [int(word) for line in bench.printed() if line.startswith("pids") for word in line.split()[1:]]
    assert len(pids) == 2
    await bench.runner.stop()
    await bench.until(lambda: not any(_running(pid) for pid in pids))
    # A dead worker's forks hold its pipes open; its death is noticed all the same.
    await bench.runner.start()
    with pytest.raises(WorkerDied):
        await bench.run(nasty=True)
    left = [int(line.split()[2]) for line in bench.printed() if line.startswith("pids")][-1:]
    for pid in left:  # nobody can know of a process that left the session of a parent that died
        psutil.Process(pid).kill()


def _running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_threads_left_behind_disturb_nobody(make_bench: Any) -> None:
    bench = make_bench(
        """
        def forever(logger):
            while True:
                time.sleep(0.01)
                logger.info("still here")
        def callback(**data):
            for _ in range(5):
                threading.Thread(target=forever, args=(data["logger"],)).start()
            return GOOD
        """
    )
    await bench.runner.start()
    for _ in range(3):
        assert (await bench.run()).returned["data"] == "u"
    await bench.until(lambda: any(line.message == "still here" for line in bench.lines))
    before = time.monotonic()
    await bench.runner.stop(grace_s=5)
    assert time.monotonic() - before < 4, "threads of the script's are not waited for"


@posix_only
async def test_signal_handlers_of_the_script(make_bench: Any) -> None:
    bench = make_bench(
        """
        import signal
        def handler(number, frame):
            raise RuntimeError("a signal came")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, handler)
        def callback(**data):
            if data.get("nasty"):
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
                    os.kill(os.getpid(), number)
                    time.sleep(0.05)
            return GOOD
        """
    )
    await bench.runner.start()
    for _ in range(2):
        assert (await bench.run(nasty=True)).returned["data"] == "u"
    assert bench.runner.crashes == 0
    assert any("a signal came" in line.message for line in bench.lines)
    await bench.runner.stop()


@posix_only
async def test_interrupting_the_main_thread_does_not_end_the_worker(make_bench: Any) -> None:
    bench = make_bench(
        """
        import signal
        def callback(**data):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            return GOOD
        """
    )
    await bench.runner.start()
    for _ in range(3):
        assert (await bench.run()).returned["data"] == "u"
    assert bench.runner.crashes == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Linux chooses by this number")
async def test_when_memory_runs_out_the_system_ends_the_worker_and_not_the_host(make_bench: Any) -> None:
    bench = make_bench(
        """
        import subprocess
        def callback(**data):
            return dict(GOOD, data=subprocess.check_output(["cat", "/proc/self/oom_score_adj"]).decode().strip())
        """
    )
    await bench.runner.start()
    assert (await bench.run()).returned["data"] == "800"
    assert int(await asyncio.to_thread(Path("/proc/self/oom_score_adj").read_text)) < 800


async def test_memory_beyond_the_cap_ends_the_worker(make_bench: Any) -> None:
    bench = make_bench(
        """
        hoard = []
        def callback(**data):
            while data.get("nasty"):
                hoard.append(bytearray(os.urandom(1024) * 1024 * 8))
                time.sleep(0.02)
            return GOOD
        """,
        memory_limit_mb=150,
    )
    await bench.runner.start()
    with pytest.raises(WorkerDied, match=r"MB of memory, more than the profile's limit of 150 MB"):
        await bench.run(nasty=True)
    assert (await bench.run()).returned["data"] == "u"


@posix_only
async def test_native_prints_that_fill_the_pipe_while_holding_the_interpreter(make_bench: Any) -> None:
    bench = make_bench(
        """
        import ctypes
        def callback(**data):
            libc = ctypes.PyDLL(None)  # calls keep the interpreter lock
            text = b"n" * 4095 + b"\\n"
            for _ in range(1024):
                libc.write(1, text, len(text))
            return GOOD
        """,
        timeout_s=20.0,
    )
    await bench.runner.start()
    assert (await bench.run()).returned["data"] == "u"


@posix_only
async def test_the_worker_goes_when_the_app_is_killed(make_bench: Any, tmp_path: Any) -> None:
    import asyncio
    import os
    import signal
    import textwrap

    script = tmp_path / "plugin.py"
    script.write_text(
        textwrap.dedent(
            """
            import subprocess, sys, os
            from ango.plugins import ModelPlugin, run
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            print("pids", os.getpid(), child.pid)
            run(ModelPlugin("p", "s", lambda **data: {"objects": []}))
            """
        )
    )
    app = tmp_path / "app.py"
    app.write_text(
        textwrap.dedent(
            f"""
            import asyncio
            from pathlib import Path
            from desktop_app.core.profile import CallbackSource, Profile
            from desktop_app.runner.pool import Runner
            async def main():
                profile = Profile(name="x", host="http://localhost:1", plugin_id="p",
                                  source=CallbackSource(script=Path({str(script)!r})))
                say = lambda line: print(line.message, flush=True)
                runner = Runner(profile, scratch=Path({str(tmp_path)!r}), on_log=say)
                await runner.start()
                print("started", flush=True)
                await asyncio.sleep(600)
            asyncio.run(main())
            """
        )
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(app), stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    lines = []
    while not lines or lines[-1] != "started":
        lines.append((await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip())
    pids = [int(word) for line in lines if line.startswith("pids") for word in line.split()[1:]]
    assert all(_running(pid) for pid in pids)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    deadline = time.monotonic() + 10
    while any(_running(pid) for pid in pids):
        assert time.monotonic() < deadline, "the worker outlived the app"
        await asyncio.sleep(0.02)
    process._transport.close()  # type: ignore[attr-defined]


async def test_a_script_that_dies_on_every_job_is_not_started_for_ever(make_bench: Any) -> None:
    bench = make_bench("def callback(**data):\n    os._exit(1)\n")
    bench.runner._life._delays = iter([0.01] * 10)
    await bench.runner.start()
    bench.runner._life._delays = iter([0.01] * 10)
    for count in range(1, 6):
        with pytest.raises(WorkerDied):
            await bench.run()
        assert bench.runner.crashes == count
    await bench.until(lambda: bench.runner.state.phase is RunnerPhase.FAILED)
    assert bench.runner.state.stopped
    with pytest.raises(Exception, match="ended 5 times without answering a job"):
        await bench.run()
    # A person may try again.
    await bench.runner.restart()
    assert bench.runner.crashes == 0
    with pytest.raises(WorkerDied):
        await bench.run()


async def test_a_script_that_cannot_be_loaded_says_why(make_bench: Any) -> None:
    cases = {
        "import nothing_like_it\n": ("needs the module nothing_like_it", "plugin.py:1"),
        "x = 1\ndef f(:\n": ("is no valid Python", "plugin.py:2"),
        "x = 1\n": ("ended without handing a plugin to run()", "plugin.py"),
        "import sys\nsys.exit('no weights')\n": ("called sys.exit('no weights')", "plugin.py:2"),
        "def load():\n    raise OSError('weights.pt is missing')\n\nload()\n": ("weights.pt is missing", "plugin.py:2"),
    }
    for text, (what, where) in cases.items():
        bench = make_bench(text, whole=True)
        with pytest.raises(ModelLoadError) as raised:
            await bench.runner.start()
        assert what in raised.value.what
        assert raised.value.where == where
        assert bench.runner.state.phase is RunnerPhase.FAILED
    assert "-m pip install nothing_like_it" in (await _load_error(make_bench, "import nothing_like_it\n")).remedy


async def _load_error(make_bench: Any, text: str) -> ModelLoadError:
    with pytest.raises(ModelLoadError) as raised:
        await make_bench(text, whole=True).runner.start()
    return raised.value
