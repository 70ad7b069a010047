import json
import os
from pathlib import Path

import pytest

from rackprint.daemon.acquire.files import Found, Manifest, count, find, open_evidence


def split(paths):
    found = list(find(paths))
    return [f for f in found if isinstance(f, Found)], [f for f in found if not isinstance(f, Found)]


def test_files_of_a_folder_share_its_manifest_in_a_fixed_order(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "a").mkdir()
    for name in ("b/2.txt", "a/1.txt", "b/1.txt"):
        (tmp_path / name).write_text("x")
    taken = "2026-03-02T09:04:00Z"
    manifest = {"exhibit": "E1", "usb_path": "1-1.4", "host": "lab1", "taken_at": taken}
    (tmp_path / "b/handset.json").write_text(json.dumps(manifest))
    files, problems = split([tmp_path])
    assert not problems
    assert [str(f.path.relative_to(tmp_path)) for f in files] == ["a/1.txt", "b/1.txt", "b/2.txt", "b/handset.json"]
    assert [f.manifest.exhibit for f in files] == ["", "E1", "E1", "E1"]
    assert files[1].manifest.context() == (
        ("usb_path", "lab1:1-1.4"),
        ("hub", "lab1:1-1"),
    )
    assert files[1].manifest.handset() == ("", "")  # the label says it
    assert files[1].taken_at.isoformat() == "2026-03-02T09:04:00+00:00"
    assert count([tmp_path]) == 4
    (named,), _ = split([tmp_path / "b/1.txt"])
    assert (named.named, named.manifest.exhibit) == (True, "E1")


def test_context_has_only_what_is_known():
    assert Manifest().context() == ()
    assert Manifest(usb_path="3-1", ssid="R").context() == (("usb_path", "3-1"), ("ssid", "R"))
    assert Manifest(hub="H", usb_path="1-1.1").context() == (("usb_path", "1-1.1"), ("hub", "H"))


@pytest.mark.parametrize("text", ["{", '{"exhibit":1}', '{"taken_at":"2026-03-02T09:04:00"}'])
def test_a_manifest_that_does_not_fit_is_said_and_the_files_are_read(tmp_path, text):
    (tmp_path / "handset.json").write_text(text)
    (tmp_path / "x.txt").write_text("x")
    files, (problem,) = split([tmp_path])
    assert [f.path.name for f in files] == ["handset.json", "x.txt"]
    assert "manifest does not fit" in problem.reason


def test_what_is_no_file_is_said(tmp_path):
    (tmp_path / "x").write_text("x")
    (tmp_path / "link").symlink_to("x")
    os.mkfifo(tmp_path / "fifo")
    files, problems = split([tmp_path, tmp_path / "nowhere", tmp_path / "fifo"])
    assert [f.path.name for f in files] == ["x"]
    assert [(Path(p.file).name, p.reason) for p in problems] == [
        ("fifo", "is no regular file"),
        ("link", "is a symbolic link; not followed"),
        ("nowhere", "no such file or directory"),
        ("fifo", "is no regular file"),
    ]


def test_a_name_that_is_no_text_can_be_printed(tmp_path):
    (tmp_path / os.fsdecode(b"get\xffprop.txt")).write_text("x")
    ((found,), _) = split([tmp_path])
    assert found.name.endswith("get\\udcffprop.txt")
    with open_evidence(found.path) as stream:
        assert stream.read() == b"x"
