"""MLLP over TLS on real sockets: who is let in, what is said when not, and certificates replaced under way."""

from __future__ import annotations

import asyncio
import socket
import ssl
import warnings
from contextlib import asynccontextmanager, suppress

import pytest
import uvloop
from authority import Authority
from hypothesis import given
from hypothesis import strategies as st

from adapter.transport.certificates import read_certificate
from adapter.transport.mllp import MllpLimits, MllpListener
from adapter.transport.mllp_framing import Frame, Framer, framed
from adapter.transport.tls_server import ServerTls, ServerTlsFiles, first_certificate

pytestmark = pytest.mark.loopback

MSG = b"MSH|^~\\&|LAB|N|||1||ORU^R01|A1|P|2.5\rPID|1\r"
LOOPS = pytest.mark.parametrize("loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


@pytest.fixture(scope="module")
def hospital_ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("hospital"), "Hospital authority")


@pytest.fixture(scope="module")
def strange_ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("strange"), "Strange authority")


@pytest.fixture(scope="module")
def ours(hospital_ca):
    return hospital_ca.issue("troughline")


@pytest.fixture(scope="module")
def lab(hospital_ca):
    return hospital_ca.issue("lab")


class Site:
    def __init__(self):
        self.events = []
        self.handled = []

    async def handle(self, message, _peer):
        self.handled.append(message)
        return b"ACK:" + message

    def of(self, name):
        return [{k: v for k, v in fields.items() if k != "peer"} for event, fields in self.events if event == name]

    async def until(self, name):
        async with asyncio.timeout(10):
            while not self.of(name):  # noqa: ASYNC110 (events signal nothing)
                await asyncio.sleep(0.002)
        return self.of(name)


@asynccontextmanager
async def site(files, **limits):
    one = Site()
    one.tls = ServerTls(files) if files else None
    one.listener = MllpListener(
        handle=one.handle,
        too_large=lambda _: None,
        limits=MllpLimits(**limits),
        on_event=lambda name, fields: one.events.append((name, fields)),
        tls=one.tls,
    )
    one.port = await one.listener.start("127.0.0.1", 0)
    try:
        yield one
    finally:
        await one.listener.stop(5)


def client(authority, issued=None, *, newest=None):
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if issued:
        context.load_cert_chain(issued.certificate, issued.key)
    if newest:
        context.maximum_version = newest
    return context


async def answered(port, context, message=MSG):
    """The answers to one message, or what kept the sender from them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        writer.write(framed(message))
        framer = Framer()
        async with asyncio.timeout(10):
            while data := await reader.read(65536):
                found = [event.content for event in framer.feed(data) if isinstance(event, Frame)]
                if found:
                    return found
        return []
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def knock(port, context):
    """A handshake over a blocking socket, which sends the alert asyncio keeps to itself."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1"),
    ):
        pass


def files(issued, **more):
    return ServerTlsFiles(certificate=issued.certificate, key=issued.key, **more)


@LOOPS
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_sender_with_a_certificate_of_the_authority_is_answered(loop, newest, hospital_ca, ours, lab):
    async def story():
        async with site(files(ours, client_ca=hospital_ca.certificate)) as one:
            context = client(hospital_ca, lab, newest=newest)
            assert await answered(one.port, context) == [b"ACK:" + MSG]
            large = MSG + b"x" * 3_000_000
            assert await answered(one.port, context, large) == [b"ACK:" + large]
            assert not one.of("tls-refused")

    loop(story())


@LOOPS
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a14_18_a_sender_without_a_certificate_is_refused_and_both_sides_hear_why(loop, newest, hospital_ca, ours):
    async def story():
        async with site(files(ours, client_ca=hospital_ca.certificate)) as one:
            with pytest.raises(ssl.SSLError, match=r"(?i)certificate.required|handshake.failure"):
                await answered(one.port, client(hospital_ca, newest=newest))
            assert await one.until("tls-refused") == [
                {"side": "us", "subject": None, "reason": "the sender showed no certificate"}
            ]
            assert one.handled == []

    loop(story())


@LOOPS
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_certificate_of_a_stranger_is_refused_by_its_subject(loop, newest, hospital_ca, strange_ca, ours):
    async def story():
        async with site(files(ours, client_ca=hospital_ca.certificate)) as one:
            with pytest.raises(ssl.SSLError, match=r"(?i)unknown.ca"):
                await answered(one.port, client(hospital_ca, strange_ca.issue("stranger"), newest=newest))
            (told,) = await one.until("tls-refused")
            assert (told["side"], told["subject"]) == ("us", "CN=stranger")
            assert told["reason"] == "the sender's certificate: unable to get local issuer certificate"

    loop(story())


def test_an_expired_certificate_of_a_sender_is_refused_by_its_date(hospital_ca, ours):
    async def story():
        async with site(files(ours, client_ca=hospital_ca.certificate)) as one:
            with suppress(ssl.SSLError, ConnectionError):
                await answered(one.port, client(hospital_ca, hospital_ca.issue("late", days=-1)))
            (told,) = await one.until("tls-refused")
            assert (told["subject"], told["reason"]) == (
                "CN=late",
                "the sender's certificate: certificate has expired",
            )

    asyncio.run(story())


def test_a_sender_that_does_not_trust_us_is_told_apart_with_our_subject(hospital_ca, strange_ca, ours, lab):
    async def story():
        async with site(files(ours, client_ca=hospital_ca.certificate)) as one:
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncio.to_thread(knock, one.port, client(strange_ca, lab))
            (told,) = await one.until("tls-refused")
            assert (told["side"], told["subject"]) == ("sender", "CN=troughline")
            assert told["reason"] == "the sender refused our certificate or offer: unknown ca"

    asyncio.run(story())


def test_tls_below_1_2_is_refused(hospital_ca, ours):
    async def story():
        async with site(files(ours, client_cert="none")) as one:
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            old.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises(ssl.SSLError):
                await answered(one.port, old)
            (told,) = await one.until("tls-refused")
            assert told["reason"] == "the sender offers no TLS version from 1.2 on"
            assert await answered(one.port, client(hospital_ca)) == [b"ACK:" + MSG]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("rule", "shows", "let_in"),
    [
        ("none", None, True),
        ("none", "lab", True),
        ("optional", None, True),
        ("optional", "lab", True),
        ("optional", "stranger", False),
        ("required", None, False),
        ("required", "lab", True),
    ],
)
def test_who_is_let_in(rule, shows, let_in, hospital_ca, strange_ca, ours, lab):
    shown = {None: None, "lab": lab, "stranger": strange_ca.issue("stranger")}[shows]

    async def story():
        async with site(files(ours, client_cert=rule, client_ca=hospital_ca.certificate)) as one:
            try:
                found = await answered(one.port, client(hospital_ca, shown))
            except (ssl.SSLError, ConnectionError):
                found = []
            assert (found == [b"ACK:" + MSG]) is let_in

    asyncio.run(story())


def test_a_pinned_port_lets_only_the_named_certificates_in(hospital_ca, ours, lab):
    pin = read_certificate(lab.certificate).fingerprint
    pinned = files(ours, client_ca=hospital_ca.certificate, client_fingerprints=(pin,))

    async def story():
        async with site(pinned) as one:
            assert await answered(one.port, client(hospital_ca, lab)) == [b"ACK:" + MSG]
            with suppress(ssl.SSLError, ConnectionError):
                assert await answered(one.port, client(hospital_ca, hospital_ca.issue("other"))) == []
            (told,) = await one.until("tls-refused")
            assert told == {
                "side": "us",
                "subject": "CN=other",
                "reason": "the sender's certificate is none of client_fingerprints",
            }
            assert one.handled == [MSG]

    asyncio.run(story())


def test_a_client_certificate_itself_may_be_the_trusted_file(hospital_ca, ours, lab):
    async def story():
        async with site(files(ours, client_ca=lab.certificate)) as one:
            assert await answered(one.port, client(hospital_ca, lab)) == [b"ACK:" + MSG]
            with suppress(ssl.SSLError, ConnectionError):
                assert await answered(one.port, client(hospital_ca, hospital_ca.issue("other"))) == []
            await one.until("tls-refused")

    asyncio.run(story())


@LOOPS
def test_new_certificates_are_taken_and_open_connections_go_on(loop, tmp_path, hospital_ca):
    first = Authority(tmp_path, "A").issue("first", file="ours")

    async def shown(port):
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        return await asyncio.open_connection("127.0.0.1", port, ssl=anybody)

    async def story():
        async with site(files(first, client_cert="none")) as one:
            reader, writer = await shown(one.port)
            before = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            assert not one.tls.reload()
            hospital_ca.issue("second")
            issued = Authority(tmp_path, "B").issue("second", file="ours")
            assert one.tls.reload()
            _, other = await shown(one.port)
            assert other.get_extra_info("ssl_object").getpeercert(binary_form=True) != before
            writer.write(framed(MSG))
            async with asyncio.timeout(10):
                assert await reader.readuntil(b"\x1c\r") == framed(b"ACK:" + MSG)
            issued.certificate.write_text("no certificate")
            with pytest.raises(ssl.SSLError):
                one.tls.reload()
            _, third = await shown(one.port)
            assert one.tls.facts.subject == "CN=second"
            for each in (writer, other, third):
                each.close()

    loop(story())


@LOOPS
@pytest.mark.parametrize(
    ("opening", "speaks"), [(framed(MSG), "mllp"), (b"GET / HTTP/1.1\r\n\r\n", "http"), (b"hello", "unknown")]
)
def test_a14_19_plain_bytes_on_a_tls_port_are_named(loop, opening, speaks, ours):
    async def story():
        async with site(files(ours, client_cert="none")) as one:
            reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
            writer.write(opening)
            async with asyncio.timeout(10):
                with suppress(ConnectionError):
                    assert await reader.read(-1) == b""
            writer.close()
            assert await one.until("not-tls") == [{"speaks": speaks}]
            assert one.handled == []

    loop(story())


@LOOPS
def test_a14_19_tls_on_a_plain_port_is_named(loop, hospital_ca):
    async def story():
        async with site(None) as one:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", one.port, ssl=client(hospital_ca))
            assert await one.until("not-mllp") == [{"speaks": "tls"}]

    loop(story())


def test_a_handshake_that_never_comes_or_never_ends_is_closed(ours):
    async def story():
        async with site(files(ours, client_cert="none"), handshake_limit_s=0.1) as one:
            for opening in (b"", b"\x16\x03\x01\x02\x00"):
                reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
                writer.write(opening)
                async with asyncio.timeout(10):
                    with suppress(ConnectionError):
                        assert await reader.read(-1) == b""
                writer.close()
            assert one.of("tls-too-slow") == [{"limit_s": 0.1}] * 2

    asyncio.run(story())


def test_a_handshake_broken_off_is_told_and_a_mere_knock_is_not(ours):
    async def story():
        async with site(files(ours, client_cert="none")) as one:
            for opening in (b"", b"\x16\x03\x01\x02\x00"):
                reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
                writer.write(opening)
                writer.write_eof()
                await reader.read(-1)
                writer.close()
            assert [told["reason"] for told in one.of("tls-refused")] == ["the sender closed during the handshake"]

    asyncio.run(story())


def test_connections_in_their_handshake_count_towards_the_limit(hospital_ca, ours):
    async def story():
        async with site(files(ours, client_cert="none"), connections=2) as one:
            waiting = [await asyncio.open_connection("127.0.0.1", one.port) for _ in range(2)]
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await answered(one.port, client(hospital_ca))
            assert await one.until("connection-refused") == [{"limit": 2}]
            for _, writer in waiting:
                writer.close()
                await writer.wait_closed()
            assert await answered(one.port, client(hospital_ca)) == [b"ACK:" + MSG]

    asyncio.run(story())


def test_a_sender_that_says_farewell_is_still_answered(hospital_ca, ours):
    """A sender that sends, ends its TLS side and then reads."""

    def send(port):
        context = client(hospital_ca)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:

            def until_done(step):
                while True:
                    try:
                        return step()
                    except ssl.SSLWantReadError:
                        raw.sendall(outgoing.read())
                        incoming.write(raw.recv(65536))

            until_done(tls.do_handshake)
            tls.write(framed(MSG) * 2)
            with suppress(ssl.SSLWantReadError):
                tls.unwrap()
            raw.sendall(outgoing.read())
            received = b""
            while data := raw.recv(65536):
                received += data
            return len(received)

    async def story():
        async with site(files(ours, client_cert="none")) as one:
            assert await asyncio.to_thread(send, one.port) > 2 * len(MSG)
            assert one.handled == [MSG, MSG]
            assert await one.until("connection-closed")

    asyncio.run(story())


def test_a_stop_answers_the_frame_in_hand_over_tls_too(hospital_ca, ours):
    async def story():
        async with site(files(ours, client_cert="none")) as one:
            reader, writer = await asyncio.open_connection("127.0.0.1", one.port, ssl=client(hospital_ca))
            writer.write(b"\x0b" + MSG[:10])
            await writer.drain()
            await one.until("connection-opened")
            while not any(c._framer.inside for c in one.listener._live):  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            stopping = asyncio.create_task(one.listener.stop(5))
            await asyncio.sleep(0.02)
            writer.write(MSG[10:] + b"\x1c\r")
            async with asyncio.timeout(10):
                assert await reader.read(-1) == framed(b"ACK:" + MSG)
            await stopping
            writer.close()

    asyncio.run(story())


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_a_certificate_message_or_none(message, with_context):
    found = first_certificate(message, with_context=with_context)
    assert found is None or found in message


@LOOPS
def test_a_sender_that_never_reads_its_answers_is_held_back_over_tls_too(loop, hospital_ca, ours):
    message = framed(MSG + b"x" * 100_000)

    def send_and_never_read(port, is_held_back):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
            client(hospital_ca).wrap_socket(raw, server_hostname="127.0.0.1") as secured,
        ):
            secured.settimeout(0.5)
            with suppress(TimeoutError):
                for _ in range(1000):
                    secured.sendall(message)
            return is_held_back()

    async def story():
        limits = {"unsent_answers_bytes": 4096, "waiting_bytes": 100_000, "waiting_frames": 8}
        async with site(files(ours, client_cert="none"), **limits) as one:

            def is_held_back():
                (ours_of_it,) = one.listener._live
                waiting, unsent = ours_of_it._waiting_bytes, ours_of_it._transport.get_write_buffer_size()
                return 0 < len(one.handled) < 1000, waiting < 1_000_000, unsent < 1_000_000

            assert await asyncio.to_thread(send_and_never_read, one.port, is_held_back) == (True, True, True)
            await one.until("connection-closed")

    loop(story())


def test_the_end_of_a_connection_is_said_and_no_mere_silence(hospital_ca, ours):
    """A sender may tell a connection that was ended from one that was cut (close_notify)."""

    def read_to_the_end(port):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
            client(hospital_ca).wrap_socket(raw, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as secured,
        ):
            secured.sendall(framed(MSG))
            received = b""
            while data := secured.recv(65536):
                received += data
                asyncio.run_coroutine_threadsafe(stop(), loop)
            return received

    async def stop():
        await told.listener.stop(5)

    async def story():
        nonlocal told, loop
        loop = asyncio.get_running_loop()
        async with site(files(ours, client_cert="none")) as told:
            assert await asyncio.to_thread(read_to_the_end, told.port) == framed(b"ACK:" + MSG)

    told = loop = None
    asyncio.run(story())


class Wire(asyncio.Transport):
    """A socket that only remembers that it was closed."""

    closing = False

    def write(self, data):
        assert isinstance(data, bytes)

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True

    abort = close

    def can_write_eof(self):
        return True

    def write_eof(self):
        pass

    def set_write_buffer_limits(self, high=None, low=None):
        pass


@given(st.booleans(), st.lists(st.binary(max_size=60), max_size=4), st.booleans())
def test_no_bytes_of_a_stranger_break_the_handshake(ours, begins_as_tls, pieces, ends):
    """asyncio would swallow an exception here, and the connection would linger."""
    if begins_as_tls:
        pieces = [b"\x16\x03\x01", *pieces]
    told = []

    async def story():
        listener = MllpListener(
            handle=None,
            too_large=lambda _: None,
            limits=MllpLimits(farewell_s=0),
            on_event=lambda name, fields: told.append((name, fields)),
            tls=ServerTls(files(ours, client_cert="none")),
        )
        secure, wire = listener._accepted(), Wire()
        secure.connection_made(wire)
        for piece in pieces:
            secure.data_received(piece)
        if ends and not secure.eof_received():
            wire.close()
        secure.connection_lost(None)
        assert not listener._handshakes.waiting

    asyncio.run(story())
    assert len(told) <= 1
    assert listening_never_began(told)


def listening_never_began(told):
    return not {"connection-opened", "connection-closed"} & {name for name, _ in told}
