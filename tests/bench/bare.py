"""Bare onnxruntime on ready tensors, in a process of its own: `bare.py MODEL`, then one line a command on stdin.

Answers each line `SESSIONS THREADS RUNS` (so many sessions side by side, each with so many threads, so many runs in
all) with `{"per_second": …}`.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime


def main() -> None:
    """Serves until stdin ends."""
    model = sys.argv[1]
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        count, threads, runs = map(int, line.split())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        sessions = [
            onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]) for _ in range(count)
        ]
        feeds = {"images": np.random.default_rng(1).random((1, 3, 640, 640), dtype=np.float32)}
        for session in sessions:
            session.run(None, feeds)

        def work(session: onnxruntime.InferenceSession, times: int, feeds: dict[str, np.ndarray] = feeds) -> None:
            for _ in range(times):
                session.run(None, feeds)

        with ThreadPoolExecutor(count) as pool:
            began = time.perf_counter()
            list(pool.map(work, sessions, [runs // count] * count))
            wall = time.perf_counter() - began
        print(json.dumps({"per_second": runs // count * count / wall}), flush=True)


if __name__ == "__main__":
    main()
