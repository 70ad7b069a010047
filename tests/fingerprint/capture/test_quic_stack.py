"""Handshakes of a real QUIC stack (aioquic) between loopback sockets: what is read from the wire against what the
stack's own TLS says of the same hello."""

import socket
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import build

aioquic = pytest.importorskip("aioquic", reason="aioquic is absent")

from aioquic.buffer import Buffer  # noqa: E402
from aioquic.quic.configuration import QuicConfiguration  # noqa: E402
from aioquic.quic.connection import QuicConnection  # noqa: E402
from aioquic.quic.packet import QuicProtocolVersion, encode_quic_retry, pull_quic_header  # noqa: E402
from aioquic.tls import pull_client_hello  # noqa: E402

from rackprint.fingerprint.capture.ja4 import ja4  # noqa: E402
from rackprint.fingerprint.capture.packets import Packet  # noqa: E402
from rackprint.fingerprint.capture.quic import QuicHellos  # noqa: E402
from rackprint.fingerprint.capture.quic_kernel import following  # noqa: E402
from rackprint.fingerprint.capture.tally import Tally  # noqa: E402
from rackprint.fingerprint.capture.tls import parse_client_hello  # noqa: E402

V1, V2 = QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2


FOLLOW = following


@pytest.fixture(scope="module", autouse=True, params=["kernel", "twin"])
def follow_with(request):
    """Every test runs with the kernel and with its twin."""
    request.module.FOLLOW = following if request.param == "kernel" else QuicHellos


def certificate(folder):
    """A made-up certificate, as QuicConfiguration loads it."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stack.example")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    (folder / "cert.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


class Talk:
    """A client and a server over two UDP sockets of this host; keeps what passes between them."""

    def __init__(self, folder, *, first=V1, retry=False, versions=None, names=0):
        self.kept: list[tuple[bool, bytes]] = []
        protocols = ["h3", *(f"p{n}" + "y" * 200 for n in range(names))]
        versions = versions or [first]
        self.client = QuicConnection(
            configuration=QuicConfiguration(
                is_client=True, alpn_protocols=protocols, server_name="stack.example", verify_mode=0,
                original_version=first, supported_versions=versions,
            )
        )  # fmt: skip
        self.settings = QuicConfiguration(is_client=False, alpn_protocols=["h3"], supported_versions=versions)
        self.settings.load_cert_chain(*certificate(folder))
        self.server = None
        self.retry = retry
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for one in self.sockets:
            one.bind(("127.0.0.1", 0))
            one.settimeout(5)

    def __enter__(self):
        near, far = self.sockets
        ends = near.getsockname(), far.getsockname()
        self.client.connect(ends[1], now=time.time())
        for _ in range(10):
            if (
                self._pass(self.client, near, far, True, ends[0]) + self._pass(self.server, far, near, False, ends[1])
                == 0
            ):
                break
        return self

    def __exit__(self, *_):
        for one in self.sockets:
            one.close()

    def _pass(self, speaker, near, far, out, source):
        sent = 0
        for data, _ in speaker.datagrams_to_send(now=time.time()) if speaker else []:
            sent += 1
            near.sendto(data, far.getsockname())
            got = far.recv(65_536)
            self.kept.append((out, got))
            if not out:
                self.client.receive_datagram(got, source, now=time.time())
            else:
                self._serve(got, far, source)
        return sent

    def _serve(self, data, far, source):
        if self.server is None:
            header = pull_quic_header(Buffer(data=data), host_cid_length=8)
            if self.retry and not header.token:
                answer = encode_quic_retry(
                    version=header.version, source_cid=b"retry-id", destination_cid=header.source_cid,
                    original_destination_cid=header.destination_cid, retry_token=b"token",
                )  # fmt: skip
                self.kept.append((False, answer))
                self.drawn = header.destination_cid
                self.client.receive_datagram(answer, far.getsockname(), now=time.time())
                return
            self.server = QuicConnection(
                configuration=self.settings,
                original_destination_connection_id=self.drawn if self.retry else header.destination_cid,
                retry_source_connection_id=b"retry-id" if self.retry else None,
            )
        self.server.receive_datagram(data, source, now=time.time())

    def read(self):
        """Hellos and complaints, from all that passed in both directions."""
        tally = Tally("")
        follow, found = FOLLOW(tally), []
        for number, (out, data) in enumerate(self.kept):
            ends = (build.PHONE, build.SERVER, 17, 50_000, 443)
            packet = Packet(0, number, *(ends if out else (build.SERVER, build.PHONE, 17, 443, 50_000)), data)
            found += follow.add(packet)
        return found, list(tally.problems())


def holds(hello):
    """What the reader says of a hello is what aioquic says of it."""
    ours = parse_client_hello(hello.body)
    theirs = pull_client_hello(Buffer(data=b"\1" + len(hello.body).to_bytes(3) + hello.body))
    assert ours.sni == theirs.server_name == "stack.example"
    assert [p.decode() for p in ours.alpn] == theirs.alpn_protocols
    assert ours.ciphers == tuple(theirs.cipher_suites)
    assert ours.versions == tuple(theirs.supported_versions)
    assert ours.signature_algorithms == tuple(theirs.signature_algorithms)
    return ja4(ours, "quic")


@pytest.mark.parametrize("version", [V1, V2])
@pytest.mark.parametrize("names", [0, 12])
def test_a_handshake_in_each_version_with_a_hello_of_one_and_of_several_datagrams(tmp_path, version, names):
    with Talk(tmp_path, first=version, names=names) as talk:
        assert talk.server is not None
        found, problems = talk.read()
    assert not problems
    assert [h.retry for h in found] == [False]
    assert (len(found[0].body) > 1400) == (names > 0)
    assert holds(found[0]).startswith("q13d0")


def test_the_hello_after_a_retry_is_marked(tmp_path):
    with Talk(tmp_path, retry=True) as talk:
        found, problems = talk.read()
    assert not problems
    assert [h.retry for h in found] == [False, True]
    assert holds(found[0]) == holds(found[1])


def test_a_server_that_chooses_another_version_gives_no_second_hello(tmp_path):
    """aioquic's client protects what it then says under version 2 with keys of version 1 (RFC 9369 4.1 has those of
    version 2): an acknowledgement, which is counted."""
    with Talk(tmp_path, versions=[V2, V1]) as talk:
        found, problems = talk.read()
        versions = {data[1:5] for out, data in talk.kept if out and data[0] & 0x80}
    assert [h.retry for h in found] == [False]
    assert versions == {V1.to_bytes(4), V2.to_bytes(4)}
    assert [p.reason[:28] for p in problems] == ["QUIC Initial does not decryp"]
