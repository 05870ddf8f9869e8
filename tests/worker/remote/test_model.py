"""A model on a server: found like a file, and kept answering through what servers do."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from desktop_app.core.errors import KnownError, ModelError, ModelLoadError
from desktop_app.core.profile import Detection, RemoteSource
from desktop_app.worker.remote.connection import Refused, ServerAway
from desktop_app.worker.remote.model import Call, Cancelled, RemoteModel, RemoteServer, inspect_remote


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited too long"
        await asyncio.sleep(0.01)


def answers(status: int, text: str = "", **headers: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def fault(_: web.Request) -> web.Response:
        return web.json_response({"error": text}, status=status, headers=headers)

    return fault


async def breaks(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()


async def test_bytes_and_json_give_the_same(server: Any, open_model: Any, picture: Path) -> None:
    found = []
    for binary in (True, False):
        server.binary = binary
        server.tensors.clear()
        model = await open_model()
        assert model.info["server"]["binary"] is binary
        prediction = await asyncio.to_thread(model.predict, picture)
        assert prediction.run_ms is not None
        found.append((prediction.instances, server.tensors[-1]))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])
    (instance,) = found[0][0]
    assert instance["class"] == "nut"
    # Red is a half in the mean, and the input is five times smaller than the picture.
    assert instance["bounding-box"]["width"] == pytest.approx((10 + 40 * found[0][1][0, 0].mean()) * 5, abs=0.01)
    assert {head.get("Content-Type") for head in server.heads[-1:]} == {"application/json"}


async def test_it_is_told_like_a_file_and_as_a_server(server: Any, open_model: Any) -> None:
    info = (await open_model()).info
    assert (info["family"], info["task"], info["classes"]) == ("ultralytics", "detect", ["bolt", "nut", "washer"])
    assert info["sure"]["classes"]["confidence"] == "certain"
    assert info["server"]["server"] == "toy 1.0"
    assert info["server"]["platform"] == "toy_onnx"
    told = str([info["why"], info["warnings"], [part["why"] for part in info["sure"].values()]])
    assert "file" not in told
    assert "graph" not in told
    source = RemoteSource(url=server.url, model="fasteners")
    assert (await asyncio.to_thread(inspect_remote, source))["family"] == "ultralytics"


@pytest.mark.parametrize(
    "fault",
    [answers(503), answers(429), answers(502), breaks, answers(503, **{"Retry-After": "nonsense"})],
    ids=["503", "429", "502", "broken off", "odd Retry-After"],
)
async def test_what_is_over_soon_costs_nothing(server: Any, open_model: Any, picture: Path, fault: Any) -> None:
    model = await open_model()
    server.faults = [fault, fault]
    assert (await asyncio.to_thread(model.predict, picture)).instances
    assert not server.faults


async def test_the_server_is_left_alone_for_as_long_as_it_asks(server: Any, open_model: Any, picture: Path) -> None:
    model = await open_model()
    server.faults = [answers(503, **{"Retry-After": "0.4"})]
    began = time.monotonic()
    assert (await asyncio.to_thread(model.predict, picture)).instances
    assert time.monotonic() - began >= 0.4


@pytest.mark.parametrize("told", ["0", "-5", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 99999999 00:00:00 GMT"])
async def test_a_server_that_wants_no_pause_is_not_flooded(
    server: Any, open_model: Any, picture: Path, told: str
) -> None:
    model = await open_model()
    call = Call(model._server, time.monotonic() + 0.6)
    server.faults = [answers(503, **{"Retry-After": told})] * 1000
    with pytest.raises(ServerAway):
        await asyncio.to_thread(model.predict, picture, call=call)
    assert 1000 - len(server.faults) <= 12


async def test_a_server_that_is_gone_and_comes_back(server: Any, open_model: Any, picture: Path) -> None:
    model = await open_model()
    await server.stop()
    waiting = asyncio.ensure_future(asyncio.to_thread(model.predict, picture))  # noqa: TID251
    await asyncio.sleep(0)
    await server.start()
    assert (await waiting).instances
    server.ready = False
    server.faults = [answers(404, "no such model yet")] * 3

    async def ready(_: web.Request) -> None:
        server.ready = True

    server.faults.append(ready)
    assert (await asyncio.to_thread(model.predict, picture)).instances


async def test_a_slow_server_costs_its_job_alone(server: Any, open_model: Any, picture: Path) -> None:
    model = await open_model()
    server.gate.clear()
    slow = Call(model._server, time.monotonic() + 1.0)
    with pytest.raises(ModelError, match="no answer") as error:
        await asyncio.to_thread(model.predict, picture, call=slow)
    assert server.url in error.value.where
    server.gate.set()
    assert (await asyncio.to_thread(model.predict, picture)).instances


async def test_an_error_of_the_model_is_told_in_its_words(server: Any, open_model: Any, picture: Path) -> None:
    model = await open_model()
    server.faults = [answers(500, "CUDA out of memory\x1b[31m")]
    with pytest.raises(Refused, match=r"HTTP 500\): CUDA out of memory \[31m"):
        await asyncio.to_thread(model.predict, picture)
    assert not server.faults


@pytest.mark.parametrize(
    ("told", "blob", "says"),
    [
        ({"name": "output0", "datatype": "FP32", "shape": [1, 7, 84], "data": []}, b"", "0 numbers"),
        ({"name": "output0", "datatype": "FP32", "shape": [1, 9], "data": [0] * 9}, b"", "not those of the family"),
        ({"name": "output0", "datatype": "INT8", "shape": [2], "parameters": {"binary_data_size": 99}}, b"ab", "cut"),
        ({"name": "other", "datatype": "FP32", "shape": [1], "data": [0]}, b"", "lacks the output"),
    ],
)
async def test_nonsense_is_an_error_of_its_job(
    server: Any, open_model: Any, picture: Path, told: dict[str, Any], blob: bytes, says: str
) -> None:
    model = await open_model()
    server.answers = [(told, blob)]
    with pytest.raises(ModelError, match=says):
        await asyncio.to_thread(model.predict, picture)
    assert (await asyncio.to_thread(model.predict, picture)).instances


async def test_no_more_calls_than_allowed(server: Any, open_model: Any, picture: Path) -> None:
    model = await open_model(at_once=3)
    server.most_running = 0
    server.gate.clear()
    jobs = [asyncio.ensure_future(asyncio.to_thread(model.predict, picture)) for _ in range(7)]  # noqa: TID251
    await until(lambda: server.running == 3)
    server.gate.set()
    assert all(prediction.instances for prediction in await asyncio.gather(*jobs))
    assert server.most_running == 3


async def test_a_cancelled_job_ends_and_frees_its_place(server: Any, open_model: Any, picture: Path) -> None:
    model = await open_model()
    server.gate.clear()
    first, second = model.call(), model.call()
    running = asyncio.ensure_future(asyncio.to_thread(model.predict, picture, call=first))  # noqa: TID251
    await until(lambda: server.running == 1)
    waiting = asyncio.ensure_future(asyncio.to_thread(model.predict, picture, call=second))  # noqa: TID251
    for call, job in ((second, waiting), (first, running)):
        call.cancel()
        with pytest.raises(Cancelled):
            await asyncio.wait_for(job, 30)
    server.gate.set()
    assert (await asyncio.to_thread(model.predict, picture)).instances


async def test_another_version_of_the_model_is_noticed(server: Any, open_model: Any, picture: Path) -> None:
    said: list[str] = []
    model = await open_model(say=said.append)
    server.classes = ["bolt", "nut", "washer", "pin", "clip"]
    prediction = await asyncio.to_thread(model.predict, picture)
    if not prediction.notes:  # it may fit by chance; a wrong answer of the former shape does not
        server.answers = [({"name": "output0", "datatype": "FP32", "shape": [1, 1], "data": [0]}, b"")]
        prediction = await asyncio.to_thread(model.predict, picture)
    assert prediction.class_names == ("bolt", "nut", "washer", "pin", "clip")
    assert any("changed" in note for note in prediction.notes)
    assert any("looked at again" in line for line in said)


async def test_the_token_goes_with_every_call_and_into_no_text(server: Any, open_model: Any, picture: Path) -> None:
    server.token = "tok-en-123"
    model = await open_model(token="tok-en-123")
    assert (await asyncio.to_thread(model.predict, picture)).instances
    for token, says in (("", "wants a token"), ("wrong-token-9", "does not accept the token")):
        with pytest.raises(Refused, match=says) as error:
            await open_model(token=token)
        assert "wrong-token-9" not in repr(vars(error.value)) + str(error.value)
        assert "--token-env" in error.value.remedy


@pytest.mark.parametrize("token", ["tok-en\n-123", "tok-en-123\n", "tök-en-123"])
async def test_what_cannot_be_a_token_is_not_sent_and_not_told(server: Any, open_model: Any, token: str) -> None:
    with pytest.raises(ModelError, match="no token") as error:
        await open_model(token=token)
    assert "en-123" not in repr(vars(error.value)) + str(error.value)
    assert not server.calls


async def test_a_proxy_of_another_kind_is_named(open_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop_app.worker.remote.connection.proxy_for", lambda _: "socks5://127.0.0.1:1")
    with pytest.raises(ModelError, match="proxy cannot be used"):
        await open_model()


async def test_a_certificate_must_be_trusted(
    server: Any, open_model: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.stop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    await server.start(context)
    url = server.url.replace("http:", "https:")
    with pytest.raises(ModelError, match="certificate") as error:
        await open_model(url=url)
    assert "SSL_CERT_FILE" in error.value.remedy
    assert not isinstance(error.value, ServerAway)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert (await open_model(url=url)).info["family"] == "ultralytics"


async def test_encryption_that_breaks_off_is_no_wrong_certificate(
    open_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop_app.worker.remote.model.PATIENCE_S", 2.0)
    connections: list[asyncio.StreamWriter] = []

    async def closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.close()

    closing = await asyncio.start_server(closes, "127.0.0.1", 0)
    async with closing:
        with pytest.raises(ServerAway):
            await open_model(url=f"https://127.0.0.1:{closing.sockets[0].getsockname()[1]}")
    assert len(connections) > 1


async def test_a_model_that_is_not_there(server: Any, open_model: Any) -> None:
    with pytest.raises(ModelLoadError, match='no model "nuts"') as error:
        await open_model(model="nuts")
    assert '"fasteners"' in error.value.remedy


async def test_servers_that_are_not_there_yet(server: Any, open_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop_app.worker.remote.model.PATIENCE_S", 2.0)
    server.ready = False
    with pytest.raises(ServerAway, match="not ready"):
        await open_model()
    await server.stop()
    monkeypatch.setattr("desktop_app.worker.remote.model.PATIENCE_S", 0.3)
    with pytest.raises(ServerAway, match="no answer"):
        await open_model()


async def test_something_else_at_that_address(open_model: Any) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>Hello</html>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        with pytest.raises(KnownError, match="Open Inference Protocol"):
            await open_model(url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()


def test_plain_http_to_another_machine_is_refused() -> None:
    source = RemoteSource(url="http://192.0.2.7:8000", model="m")
    with pytest.raises(ModelLoadError, match="plain http"):
        RemoteModel(source, Detection())
    allowed = RemoteServer(source.model_copy(update={"allow_insecure": True}), "")
    allowed.connection.close()
