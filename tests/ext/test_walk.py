"""What a batch of the walk promises beyond its packets, which tests/fingerprint/capture/test_readers.py looks at."""

import pytest

from rackprint.ext.walk import Batch


def test_a_batch_that_no_walk_gave_is_refused():
    with pytest.raises(ValueError, match="once"):
        Batch().all()


def test_a_batch_is_read_once(tmp_path):
    from rackprint.fingerprint.capture import packets_kernel

    path = tmp_path / "none.pcap"
    path.write_bytes(b"")
    walk = packets_kernel._walk(blocks=False)
    with path.open("rb") as stream:
        (batch,) = walk.batches(stream.fileno(), 0)
    assert batch.all() == []
    with pytest.raises(ValueError, match="once"):
        batch.all()
