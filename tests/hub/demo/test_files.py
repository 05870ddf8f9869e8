"""Asset files and uploads, over HTTP."""

from __future__ import annotations

import httpx
import pytest

from desktop_app.hub.demo.state import Asset


def replaced(url: str, name: str, value: str) -> str:
    return str(httpx.URL(url).copy_set_param(name, value))


async def test_a_picture_comes_whole_with_its_type(hub, http, pictures):
    for asset in hub.project.pictures:
        response = await http.get(hub.asset_url(asset))
        assert response.status_code == 200
        assert response.content == (pictures / asset.external_id).read_bytes()
        assert response.headers["Content-Type"] == "image/png"


async def test_the_text_asset_comes_last(hub, http):
    note: Asset = hub.assets[-1]
    assert note.external_id == "inspection-note.txt"
    response = await http.get(hub.asset_url(note))
    assert response.text.startswith("Inspection note, tray 7")
    assert response.headers["Content-Type"].startswith("text/plain")


async def test_signed_addresses_change_each_time_and_need_no_api_key(hub):
    urls = [hub.asset_url(hub.assets[0]) for _ in range(3)]
    assert len(set(urls)) == 3
    async with httpx.AsyncClient() as client:
        assert [(await client.get(url)).status_code for url in urls] == [200, 200, 200]
    assert {event.data["key"] for event in hub.http_calls} == {"signed"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda url: replaced(url, "X-Signature", "0" * 64),
        lambda url: replaced(url, "X-Signature", ""),
        lambda url: replaced(url, "X-Signature", "\xe9"),
        lambda url: replaced(url, "X-Expires", "99999999999"),
        lambda url: replaced(url, "X-Expires", "soon"),
        lambda url: replaced(url, "X-Nonce", "other"),
        lambda url: url.partition("?")[0],
        lambda url: url.replace("b.png", "c.PNG"),
    ],
)
async def test_a_spoiled_signature_is_denied(hub, http, spoil):
    url = hub.asset_url(hub.assets[1])
    assert (await http.get(url)).status_code == 200
    denied = await http.get(spoil(url))
    assert denied.status_code == 403
    assert "<Code>AccessDenied</Code>" in denied.text


async def test_an_address_expires(hub, http):
    denied = await http.get(hub.asset_url(hub.assets[0], lifetime=-1))
    assert denied.status_code == 403
    assert "expired" in denied.text


async def test_an_address_holds_for_one_method(hub, http):
    assert (await http.put(hub.asset_url(hub.assets[0]), content=b"x")).status_code == 403


@pytest.mark.parametrize(
    ("header", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=5-", 206, slice(5, None)),
        ("bytes=-4", 206, slice(-4, None)),
        ("bytes=999999-", 416, None),
    ],
)
async def test_ranges(hub, http, pictures, header, status, part):
    content = (pictures / "b.png").read_bytes()
    response = await http.get(hub.asset_url(hub.assets[1]), headers={"Range": header})
    assert response.status_code == status
    if part is not None:
        assert response.content == content[part]
    assert hub.http_calls[-1].data["status"] == status


async def test_a_file_that_is_gone_is_not_found(hub, http, pictures):
    url = hub.asset_url(hub.assets[1])
    (pictures / "b.png").unlink()
    assert (await http.get(url)).status_code == 404


@pytest.mark.parametrize("path", ["/files/assets/%2e%2e%2fnotes.xlsx", "/files/assets/../../etc/hostname", "/files/x"])
async def test_no_path_leads_out_of_the_storage(hub, http, path):
    assert (await http.get(path)).status_code in (403, 404)


async def upload_url(http: httpx.AsyncClient, name: str, kind: str = "brushes") -> str:
    answer = await http.get("/v2/getUploadUrl", params={"name": name, "project": "any", "type": kind})
    return str(answer.json()["data"]["uploadUrl"])


async def test_what_is_put_can_be_read_through_a_signed_address(hub, http):
    url = await upload_url(http, "mask.png")
    stored = url.partition("?")[0]
    assert hub.stored_bytes(stored) is None
    assert (await http.put(url, content=b"mask" * 100_000)).status_code == 200
    assert hub.stored_bytes(stored) == b"mask" * 100_000
    # The client hands over the stored address, or (export plugins) the upload address with its query, unescaped.
    for name in (stored, url, stored.rpartition("/")[2]):
        answer = await http.get(f"/v2/getSignedUrl?name={name}&project=any&type=brushes")
        response = await http.get(answer.json()["data"]["signedUrl"])
        assert response.content == b"mask" * 100_000
        assert response.headers["Content-Type"] == "image/png"
    assert (await http.get(stored)).status_code == 403
    assert (await http.get(url)).status_code == 403


async def test_an_upload_that_never_came_cannot_be_read(hub, http):
    url = await upload_url(http, "late.png")
    answer = await http.get("/v2/getSignedUrl", params={"name": url.partition("?")[0], "type": "brushes"})
    assert (await http.get(answer.json()["data"]["signedUrl"])).status_code == 404


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "a/b\\c.png", ".hidden", "x" * 500 + ".png", "n\xe4me 1.png", "..."]
)
async def test_the_callers_name_never_becomes_a_path(hub, http, name):
    url = await upload_url(http, name)
    assert (await http.put(url, content=b"data")).status_code == 200
    stored = hub._files.find(url)
    assert stored.path.parent == hub._storage
    assert stored.path.name.isalnum()
    assert hub.stored_bytes(url) == b"data"


async def test_two_uploads_of_one_name_are_two_files(hub, http):
    one, other = await upload_url(http, "m.png"), await upload_url(http, "m.png")
    await http.put(one, content=b"1")
    await http.put(other, content=b"2")
    assert (hub.stored_bytes(one), hub.stored_bytes(other)) == (b"1", b"2")


async def test_a_file_can_break_off(hub, http):
    hub.faults.cut_files_after = 20
    with pytest.raises(httpx.RemoteProtocolError):
        await http.get(hub.asset_url(hub.assets[0]))
    hub.faults.clear()
    assert (await http.get(hub.asset_url(hub.assets[0]))).status_code == 200


async def test_addresses_that_are_none_are_not_found(hub):
    for address in ("", "http://[::1", "/files/", "http://elsewhere/files/assets/none.png", "\0"):
        assert hub.stored_bytes(address) is None
