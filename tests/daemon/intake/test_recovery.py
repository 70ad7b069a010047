"""What a writer finds at its start."""

from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.evidence.vault import Vault
from rackprint.daemon.evidence.verify import verify_case
from rackprint.daemon.intake.recovery import recover
from rackprint.daemon.pipeline import store_head
from rackprint.daemon.store.repository import Store


def stray(case, data):
    """A file that was still on its way in."""
    path = case / "incoming" / "a.part"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def recovered(case):
    with Store.open(case, create=True) as store:
        log = CustodyLog(case / CustodyLog.NAME)
        taken = recover(case, store, log, Vault(case))
        return taken, [entry["kind"] for entry in log.entries_after(0)]


def test_what_is_in_the_vault_and_not_in_the_log_is_entered_even_without_hard_links(tmp_path):
    """As a power loss leaves it, or a copy of the case that parts the two names of a file."""
    path = stray(tmp_path, b"half a life")
    with path.open("rb") as file:
        Vault(tmp_path).add(file)
    taken, kinds = recovered(tmp_path)
    assert (taken, kinds) == ([], ["leftover"])
    assert not path.exists()
    assert verify_case(tmp_path, store_head(tmp_path)[0]) == []


def test_what_never_reached_the_vault_is_removed_and_leaves_no_entry(tmp_path):
    path = stray(tmp_path, b"half a")
    assert recovered(tmp_path) == ([], [])
    assert not path.exists()
