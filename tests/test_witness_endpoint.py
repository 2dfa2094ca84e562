"""A witness over real HTTP on this machine: every answer, its limits, and no word about the inside."""

from __future__ import annotations

import http.client
import importlib
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from books import ORIGIN
from ledger.errors import FormatError, InstallationError, StoreError
from ledger.witness import endpoint
from ledger.witness.collect import post
from ledger.witness.witness import MAX_REQUEST_BYTES
from terminal import command, house
from witnesses import ask, leaves, serving, state_in, witness

PATH = "/lead/add-checkpoint"


@pytest.fixture
def who(tmp_path):
    return witness(state_in(tmp_path))


@pytest.fixture
def url(who):
    with serving(who, prefix="/lead") as found:
        yield found


def connect(url):
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)


def raw(url, data, *, seconds=20):
    """Send bytes and return all that comes back until the other side closes."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as peer:
        peer.sendall(data)
        found = bytearray()
        while part := peer.recv(65536):
            found += part
    return bytes(found)


def test_a_log_that_grows_is_cosigned_over_one_connection(url):
    connection, first = connect(url), None
    for old, new in ((0, 2), (2, 5), (5, 5)):
        connection.request("POST", PATH, ask(old, leaves(new)))
        response = connection.getresponse()
        body = response.read()
        assert (response.status, response.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        assert body.startswith("— w1.example/w ".encode())
        first = first or connection.sock
        assert connection.sock is first, "the connection was not kept"
    connection.close()


def test_statuses_and_types_come_out_as_the_specification_says(url):
    post_to = f"{url}/add-checkpoint"
    assert post(post_to, ask(0, leaves(5)), 20).status == 200
    conflict = post(post_to, ask(3, leaves(8)), 20)
    assert (conflict.status, conflict.content_type, conflict.body) == (409, "text/x.tlog.size", b"5\n")
    assert post(post_to, ask(5, leaves(8, forked_after=2)), 20).status == 422
    assert post(post_to, b"nonsense", 20).status == 400
    assert post(f"{url}/other", b"", 20).status == 404
    assert post(f"{url.removesuffix('/lead')}/add-checkpoint", b"", 20).status == 404


def test_only_post_is_answered(url):
    connection = connect(url)
    connection.request("GET", PATH)
    assert connection.getresponse().status == 405
    connection.close()


def test_a_body_that_is_too_large_is_not_read(url):
    data = b"POST /lead/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MAX_REQUEST_BYTES + 1)
    said = raw(url, data)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert said.endswith(b"a request has at most %d bytes\n" % MAX_REQUEST_BYTES)


def test_a_body_that_grows_too_large_is_cut_off(url):
    part = b"%x\r\n%b\r\n" % (1 << 16, bytes(1 << 16))
    data = b"POST /lead/add-checkpoint HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + 5 * part
    try:
        said = raw(url, data)
    except ConnectionError:  # it may hang up while we still send
        return
    assert said.startswith(b"HTTP/1.1 413 ")


def test_a_client_that_does_not_send_on_is_not_waited_for(url, monkeypatch):
    monkeypatch.setattr(endpoint, "BODY_SECONDS", 0.2)
    said = raw(url, b"POST /lead/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nold 0\n")
    assert said.startswith(b"HTTP/1.1 408 ")
    assert said.endswith(b"the request took too long\n")


def test_a_client_that_goes_away_harms_nobody(url):
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as peer:
        peer.sendall(b"POST /lead/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nold 0\n")
        time.sleep(0.1)
    assert post(f"{url}/add-checkpoint", ask(0, leaves(5)), 20).status == 200


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (StoreError("/secret/place is full"), 503, b"the witness cannot keep its state now\n"),
        (ZeroDivisionError("secret"), 500, b"this witness has a fault\n"),
    ],
)
def test_what_goes_wrong_inside_is_not_told(who, fault, status, said):
    def fails():
        raise fault

    with serving(replace(who, clock=fails)) as url:
        found = post(f"{url}/add-checkpoint", ask(0, leaves(5)), 20)
        assert (found.status, found.body) == (status, said)


@pytest.mark.parametrize("prefix", ["lead", "/lead/", "//", "/a b", "/{x}"])
def test_a_prefix_that_is_no_path_is_refused(who, prefix):
    with pytest.raises(FormatError, match=re.escape(f"the prefix {prefix!r} is no path: want / and a word")):
        endpoint.application(who, prefix=prefix)


@pytest.mark.parametrize("listen", ["8080", "host:", "host:99999", "a b:80", "::1:80"])
def test_an_address_that_is_none_is_refused(who, listen):
    with pytest.raises(FormatError, match=re.escape(f"{listen!r} is no address to listen on: want HOST:PORT, such as 127.0.0.1:8080")):
        endpoint.serve(who, listen=listen, ready=print)


def test_an_address_that_is_taken_is_refused(who):
    with endpoint.listener("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StoreError, match=re.escape(f"cannot listen on 127.0.0.1 port {port}: Address already in use")):
            endpoint.serve(who, listen=f"127.0.0.1:{port}", ready=print)


def test_addresses_are_read():
    assert endpoint.parse_listen("127.0.0.1:0") == ("127.0.0.1", 0)
    assert endpoint.parse_listen("[::1]:8080") == ("::1", 8080)


@pytest.mark.parametrize("package", ["starlette.applications", "uvicorn"])
def test_without_the_extra_the_command_says_what_to_install(monkeypatch, tmp_path, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "ledger.witness.endpoint")
    name = package.partition(".")[0]
    with pytest.raises(InstallationError, match=f"a witness over HTTP needs the package {name}"):
        importlib.import_module("ledger.witness.endpoint")
    said = command("witness", "serve", "--trust", "t", "-k", "k", "--state", tmp_path / "s.db")
    assert said.code == 3
    assert "hint: pip install 'plumbline-ledger[witness]'; without it: plumbline witness cosign\n" in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_command_serves_until_it_is_told_to_stop(tmp_path):
    terminal = house(tmp_path)
    terminal.done("trust", "-o", tmp_path / "trust")
    assert command("witness", "key", "w.example/1", "-o", tmp_path / "w.key", "--no-passphrase").code == 0
    files = ["--trust", "trust", "-k", "w.key", "--state", "w.db"]
    program = [sys.executable, "-c", "from cli.main import main; main()", "witness", "serve", "--listen", "127.0.0.1:0", *files]
    child = subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        found = re.fullmatch(rf"w\.example/1 witnesses {ORIGIN} at (http://127\.0\.0\.1:[0-9]+)\n", line)
        assert found, line
        note = terminal.done("checkpoint").out.encode()
        assert post(f"{found[1]}/add-checkpoint", b"old 0\n\n" + note, 20).status == 200
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)
        assert (child.returncode, out, err) == (0, "", "stopped\n")
    finally:
        child.kill()
        child.wait()
