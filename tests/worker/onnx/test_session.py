"""Sessions: providers, errors, half precision."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest

from desktop_app.core.errors import ModelError, ModelLoadError
from desktop_app.worker.onnx.graph import read_graph
from desktop_app.worker.onnx.session import _SHORT, PROVIDERS, Session, available_providers


@pytest.fixture
def doubled(net: Any, tmp_path: Path) -> Path:
    image = net.input("x", [1, 3, 8, 8])
    net.output(net.mul(image, net.const(2.0)), "y", [1, 3, 8, 8])
    return Path(net.save(tmp_path / "m.onnx"))


def test_runs_on_the_cpu(doubled: Path) -> None:
    session = Session(read_graph(doubled))
    assert session.provider == "cpu"
    assert session.notes == []
    assert (session.run({"x": np.ones((1, 3, 8, 8), np.float32)})["y"] == 2).all()


@pytest.mark.parametrize("provider", ["cuda", "tensorrt", "directml", "coreml", "openvino", "CUDA"])
def test_an_absent_provider_falls_back_and_says_why(doubled: Path, provider: str) -> None:
    if provider.lower() in available_providers():
        pytest.skip("this machine has it")
    session = Session(read_graph(doubled), provider)
    assert session.provider == "cpu"
    assert provider.lower() in session.notes[0]


def test_a_provider_that_runs_nothing_is_not_called_the_one(doubled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "AzureExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime is built without it")
    monkeypatch.setitem(PROVIDERS, "azure", "AzureExecutionProvider")  # starts everywhere and knows no usual operator
    monkeypatch.setitem(_SHORT, "AzureExecutionProvider", "azure")
    session = Session(read_graph(doubled), "azure")
    assert session.provider == "cpu"
    assert session.notes == ["azure knows none of the model's operators; the model runs on the CPU."]
    assert (session.run({"x": np.ones((1, 3, 8, 8), np.float32)})["y"] == 2).all()


def test_operators_that_a_provider_lacks_are_counted(doubled: Path) -> None:
    session = Session(read_graph(doubled))

    class Part(NamedTuple):
        ep_name: str
        nodes: int

        def get_nodes(self) -> list[int]:
            return list(range(self.nodes))

    class Shared:
        def get_providers(self) -> list[str]:
            return ["CUDAExecutionProvider", "CPUExecutionProvider"]

        def get_provider_graph_assignment_info(self) -> list[Part]:
            return [Part("CUDAExecutionProvider", 90), Part("CPUExecutionProvider", 10)]

    session._session = Shared()
    assert session._really_used("cuda") == "cuda"
    assert session.notes == ["10 of the model's 100 operators run on the CPU: cuda lacks them."]


def test_an_unknown_provider(doubled: Path) -> None:
    with pytest.raises(ModelLoadError, match="no provider called") as caught:
        Session(read_graph(doubled), "abacus")
    assert "cuda" in caught.value.remedy


def test_a_wrong_shape_is_said(doubled: Path) -> None:
    with pytest.raises(ModelError, match="does not take an input of this shape") as caught:
        Session(read_graph(doubled)).run({"x": np.ones((1, 3, 9, 9), np.float32)})
    assert caught.value.details


def test_half_precision_comes_back_as_float32(net: Any, tmp_path: Path) -> None:
    image = net.input("x", [1, 3, 8, 8], "float16")
    net.output(image, "y", [1, 3, 8, 8], "float16")
    session = Session(read_graph(net.save(tmp_path / "m.onnx")))
    assert session.run({"x": np.ones((1, 3, 8, 8), np.float16)})["y"].dtype == np.float32


def test_running_out_of_memory_on_a_device_moves_to_the_cpu(doubled: Path) -> None:
    session = Session(read_graph(doubled))

    class Full:
        def run(self, names: Any, feeds: Any) -> Any:
            raise RuntimeError("CUDA error: out of memory")

    session._session, session.provider = Full(), "cuda"
    assert (session.run({"x": np.ones((1, 3, 8, 8), np.float32)})["y"] == 2).all()
    assert session.provider == "cpu"
    assert "ran out of memory" in session.notes[0]
    session._session = Full()
    with pytest.raises(ModelError, match="out of memory") as caught:
        session.run({"x": np.ones((1, 3, 8, 8), np.float32)})
    assert "concurrency" in caught.value.remedy


def test_runs_that_run_out_of_memory_together_all_move(doubled: Path) -> None:
    session = Session(read_graph(doubled))
    met = threading.Barrier(3, timeout=30)

    class Full:
        def run(self, names: Any, feeds: Any) -> Any:
            met.wait()
            raise RuntimeError("Failed to allocate memory for requested buffer")

    session._session, session.provider = Full(), "cuda"
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: session.run({"x": np.ones((1, 3, 8, 8), np.float32)})["y"], range(3)))
    assert all((values == 2).all() for values in results)
    assert session.provider == "cpu"
    assert len(session.notes) == 1


def test_memory_that_is_not_there_fails_with_a_remedy(net: Any, tmp_path: Path) -> None:
    side = net.reshape(net.cast(net.op("ReduceMax", net.input("x", [1, 3, 8, 8]), keepdims=0), "int64"), 1)
    huge = net.op("ConstantOfShape", net.op("Concat", side, side, axis=0))
    net.output(net.op("ReduceMax", huge, keepdims=0), "y", [])
    session = Session(read_graph(net.save(tmp_path / "m.onnx")))
    assert session.run({"x": np.full((1, 3, 8, 8), 4, np.float32)})["y"] == 0
    with pytest.raises(ModelError, match="out of memory") as caught:
        session.run({"x": np.full((1, 3, 8, 8), 4_000_000, np.float32)})  # 64 TB
    assert "concurrency" in caught.value.remedy
    assert session.run({"x": np.full((1, 3, 8, 8), 5, np.float32)})["y"] == 0


def test_threads_sleep_when_there_is_nothing_to_do(net: Any, tmp_path: Path) -> None:
    image = net.input("x", [1, 3, 512, 512])
    value = image
    for _ in range(20):
        value = net.op("Sigmoid", value)
    net.output(value, "y", [1, 3, 512, 512])
    session = Session(read_graph(net.save(tmp_path / "m.onnx")), threads=4)
    feeds = {"x": np.zeros((1, 3, 512, 512), np.float32)}
    session.run(feeds)
    before = time.process_time()
    threading.Event().wait(0.3)
    # Four threads that spin would use most of the cores for as long as they spin.
    assert time.process_time() - before < 0.1


def test_a_session_leaves_nothing_for_the_maker_of_the_runtime(doubled: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    kept = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY" and "XDG" not in key}
    code = (
        "import sys; from pathlib import Path; from desktop_app.worker.onnx.graph import read_graph;"
        "from desktop_app.worker.onnx.session import Session; Session(read_graph(Path(sys.argv[1])))"
    )
    subprocess.run([sys.executable, "-c", code, str(doubled)], env={**kept, "HOME": str(home)}, check=True)
    assert [path for path in home.rglob("*") if path.is_file()] == []
