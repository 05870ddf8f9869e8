"""One onnxruntime session: which provider it really uses and why, threads, and its errors in plain words."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

# Looked at when it is imported: without it, 1.32 reports its use to its maker (the host sets it for scripts too).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

from desktop_app.core.errors import ModelError, ModelLoadError
from desktop_app.worker.onnx.graph import Graph
from desktop_app.worker.onnx.spec import Array

PROVIDERS: dict[str, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
_SHORT = {value: key for key, value in PROVIDERS.items()}
_CPU = PROVIDERS["cpu"]
_MEMORY_SIGNS = ("out of memory", "failed to allocate memory", "bad_alloc", "cuda_error_out_of_memory", "bfc_arena")

# Its own warnings about graph optimisation say nothing to the person at the screen.
onnxruntime.set_default_logger_severity(3)


def available_providers() -> list[str]:
    """Short names of what this onnxruntime was built with, best first as it orders them."""
    return [_SHORT[name] for name in onnxruntime.get_available_providers() if name in _SHORT]


class Session:
    """A loaded model; safe to run from several threads.

    One session serves every concurrent run with the same weights: a single run gets all threads (latency), runs in a
    burst share them (throughput), and the memory is the same either way. onnxruntime fixes the thread count when a
    session is built and has no setting for one run, so the alternative is a second, single-threaded session for
    bursts. What that would bring, in CPU time a run, which bounds the throughput of a busy machine (onnxruntime
    1.32, 2 cores, YOLO11n at 640, medians of interleaved runs, alone / two side by side):

    - threads that spin between operators, its default: 377 / 320 ms
    - threads that sleep, one session (this class): 256 / 247 ms
    - single-threaded runs: 228 / 230 ms

    A whole job (1080p JPEG, decoded, run, post-processed) takes 275 ms of CPU, 0.84 of the throughput of bare
    single-threaded runs on ready tensors. Threads that take smaller blocks (`session.dynamic_block_base`) brought
    nothing.

    So sleeping threads give most of it: a burst loses less than a tenth, and a single run keeps all cores. A second
    session costs its weights and arenas once more (95 MB file: 571 instead of 310 MB); sharing them between two
    sessions is possible from Python only by saving the optimised graph and handing its weights to both (290 MB),
    which ties a file of ours to this processor and onnxruntime's private operators. Not worth a tenth.

    Attributes:
        provider: short name of the execution provider that really runs the model.
        notes: why it is not the one that was asked for, where so.
    """

    def __init__(self, graph: Graph, provider: str = "cpu", *, threads: int | None = None) -> None:
        self._graph = graph
        self._threads = threads or max(1, len(_own_cores()))
        self._moving = threading.Lock()
        self.notes: list[str] = []
        self._session = self._open(provider.lower())
        self.provider = self._really_used(provider.lower())
        self.input_types = {item.name: item.type for item in self._session.get_inputs()}
        self.output_names = [item.name for item in self._session.get_outputs()]

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Runs the model once; float16 outputs come back as float32.

        Raises:
            ModelError: the model failed on these inputs.
        """
        used = self._session
        try:
            values = used.run(self.output_names, dict(feeds))
        except Exception as error:  # noqa: BLE001 - onnxruntime raises types of its own that share no base class
            if not (_is_memory(error) and self._moved_to_cpu(used)):
                raise _run_error(error, self._graph) from None
        else:
            return {name: _plain(value) for name, value in zip(self.output_names, values, strict=True)}
        # Outside of the handler: the traceback would keep what the device holds alive.
        del used
        return self.run(feeds)

    def _moved_to_cpu(self, full: Any) -> bool:
        """Replaces a session whose device is out of memory; False if it was the CPU's, for which nothing is left."""
        with self._moving:
            if self._session is not full:
                return True  # another run has done it meanwhile
            if self.provider == "cpu":
                return False
            self.notes.append(f"{self.provider} ran out of memory; the model was moved to the CPU.")
            self._session = self._build([_CPU])
            self.provider = "cpu"
            return True

    def _open(self, provider: str) -> Any:
        if provider not in PROVIDERS:
            raise ModelLoadError(
                f"There is no provider called “{provider}”", remedy=f"Use one of {', '.join(PROVIDERS)}."
            )
        if provider == "cpu":
            return self._build([_CPU])
        if provider not in available_providers():
            here = ", ".join(available_providers()) or "cpu"
            self.notes.append(f"{provider} is not part of the installed onnxruntime ({here} is); the CPU is used.")
            return self._build([_CPU])
        try:
            session = self._build([PROVIDERS[provider], _CPU])
        except ModelLoadError as error:
            self.notes.append(f"{provider} did not start ({error.details or error.what}); the CPU is used.")
            return self._build([_CPU])
        return session

    def _really_used(self, asked: str) -> str:
        """Short name of the provider that most operators were given to; notes on those that were not given to it.

        A provider that is registered need not run anything: onnxruntime hands it only the operators it knows.
        """
        first = next(iter(self._session.get_providers()), _CPU)
        if first == _CPU:
            if asked != "cpu" and not self.notes:
                self.notes.append(f"{asked} did not start; the model runs on the CPU.")
            return "cpu"
        counts: Counter[str] = Counter()
        for part in self._session.get_provider_graph_assignment_info():
            counts[part.ep_name] += len(part.get_nodes())
        elsewhere, total = counts.total() - counts[first], counts.total()
        if total and elsewhere == total:
            self.notes.append(f"{asked} knows none of the model's operators; the model runs on the CPU.")
            return "cpu"
        if elsewhere:
            self.notes.append(f"{elsewhere} of the model's {total} operators run on the CPU: {asked} lacks them.")
        return _SHORT.get(first, first)

    def _build(self, providers: list[str]) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        # Why a device does not start is only written to stderr, which becomes a line of the worker's log.
        options.log_severity_level = 4 if providers == [_CPU] else 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if providers != [_CPU]:
            options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        source: Any = self._graph.model if self._graph.model is not None else str(self._graph.path)
        try:
            return onnxruntime.InferenceSession(source, options, providers=providers)
        except Exception as error:  # noqa: BLE001 - see run()
            raise _load_error(error, self._graph) from None


def _own_cores() -> set[int] | range:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)


def _plain(value: Any) -> Array:
    if isinstance(value, list):  # sequences of maps from ai.onnx.ml classifiers
        return np.array(value, dtype=object)
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _is_memory(error: BaseException) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in _MEMORY_SIGNS)


def _load_error(error: Exception, graph: Graph) -> ModelLoadError:
    text, where = str(error), graph.path.name
    lowered = text.lower()
    if _is_memory(error):
        return ModelLoadError(
            "The model does not fit into memory", where=where, remedy="Close other programs or use a smaller model."
        )
    if "not a registered function/op" in lowered or "no op registered" in lowered:
        return ModelLoadError(
            "The model needs an operator that onnxruntime does not have",
            where=where,
            remedy="Export it for plain ONNX Runtime, without custom operators.",
            details=text,
        )
    if "could not find an implementation" in lowered:
        return ModelLoadError(
            "The model uses an operator in a number type that this provider cannot compute",
            where=where,
            remedy="Export it in float32 or choose another provider.",
            details=text,
        )
    if "ir version" in lowered or "ir_version" in lowered:
        return ModelLoadError(
            "The model's file format is newer than this app can run",
            where=where,
            remedy="Export it with an older version of the onnx package, or set its ir_version to 10.",
            details=text,
        )
    if "opset" in lowered and "support" in lowered:
        return ModelLoadError(
            f"The model's ONNX version (opset {graph.opset}) is newer than this app can run",
            where=where,
            remedy="Export it with an older opset, such as 17.",
            details=text,
        )
    if "external" in lowered:
        return ModelLoadError(
            "The file beside the model that holds its weights is missing or cut short",
            where=where,
            remedy="Copy the model together with its data file again.",
            details=text,
        )
    return ModelLoadError(
        "onnxruntime cannot load the model", where=where, remedy="Export it again; details say why.", details=text
    )


def _run_error(error: Exception, graph: Graph) -> ModelError:
    text, where = str(error), graph.path.name
    if _is_memory(error):
        return ModelError(
            "The model ran out of memory", where=where, remedy="Lower the input size or the concurrency.", details=text
        )
    if "INVALID_ARGUMENT" in text or "Got invalid dimensions" in text:
        return ModelError(
            "The model does not take an input of this shape or type",
            where=where,
            remedy="Correct the input's size, layout or channels in the profile.",
            details=text,
        )
    return ModelError("The model failed while running", where=where, remedy="See the details.", details=text)
