"""The report in a real browser: it holds together, runs no script, needs nothing from elsewhere."""

import shutil
import subprocess
from pathlib import Path

import pytest

from rackprint.daemon.export.charts import Bar, Slot, bars, rack_map
from rackprint.daemon.export.report import write
from rackprint.daemon.pipeline import ingest

ROOT = Path(__file__).resolve().parents[3]
EVIL = '"><img src=x onerror=document.title=1><script>document.title="run"</script>'


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    evil = folder / "evil"
    evil.mkdir()
    quoted = EVIL.replace('"', '\\"')
    (evil / "handset.json").write_text(f'{{"exhibit":"{quoted}","usb_path":"1-1.9","host":"{quoted}"}}')
    (evil / "getprop.txt").write_text(f"[ro.product.model]: [{EVIL}]\n[ro.serialno]: [{EVIL}]\n[gsm.imei]: [{EVIL}]\n")
    (evil / "x.ndjson").write_text(
        f'{{"time":"2026-03-01T08:30:00Z","source":"platform:p","account":"p:{quoted}","signals":{{"iccid":"{quoted}"}}}}\n'
    )
    ingest([ROOT / "fixtures/rack/hub1-port02", ROOT / "fixtures/rack/hub1-port05", evil], folder / "case", print)
    path = folder / "report.html"
    write(folder / "case", path)
    return path


def browse(*arguments: str) -> str:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no Chromium here (apt-get install chromium)")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout


def test_the_browser_shows_it_and_runs_nothing(report):
    page = browse("--dump-dom", report.as_uri())
    assert "<title>case · rackprint report</title>" in page
    assert "<script" not in page
    assert "<img" not in page
    for wanted in ("RACK-A-02", "SIM history", "cloned_imei", "Contested values", "352688090614427", "Evidence"):
        assert wanted in page
    assert page.count('class="slot"') == 3


@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_no_wider_than_the_screen(report, tmp_path, width):
    probe = tmp_path / "probe.html"
    probe.write_text(
        f'<iframe id=f src="{report.as_uri()}" width={width} height=800></iframe><script>onload=()=>setTimeout(()=>{{'
        "const d=f.contentDocument.documentElement;document.title=d.scrollWidth+' '+d.clientWidth},300)</script>"
    )
    page = browse("--dump-dom", "--allow-file-access-from-files", f"--window-size={width + 100},900", probe.as_uri())
    scroll, client = page.partition("<title>")[2].partition("</title>")[0].split()
    assert int(scroll) <= int(client)


def test_it_needs_nothing_from_elsewhere(report):
    text = report.read_text()
    assert "http://www.w3.org/2000/svg" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert "default-src 'none'" in text


def test_it_names_every_artifact_and_the_custody_head(report):
    text = report.read_text()
    log = (report.parent / "case/custody.log").read_text().splitlines()
    assert log[-1].partition('"hash":"')[2][:64] in text
    for path in (report.parent / "case/vault/sha256").glob("*/*"):
        assert path.name in text


def test_charts_of_nothing_are_nothing():
    assert rack_map([]) == bars([], "Accounts") == ""
    assert rack_map([Slot("nowhere", "x", 1, (), "d")]) == ""


def test_a_rack_map_has_a_row_a_hub_and_a_column_a_port():
    places = [(hub, port) for hub in (1, 2) for port in (1, 2)]
    slots = [Slot(f"h:1-{hub}.{port}", f"E{hub}{port}", port, ("x",) * (port == 2), "d") for hub, port in places]
    text = rack_map(slots)
    assert text.count('class="slot"') == 4
    assert text.count('class="flag"') == 2
    assert [f">{word}<" in text for word in ("port 1", "port 2", "h:1-1", "h:1-2")] == [True] * 4
    assert 'href="#d"' in bars([Bar("E1", (("a", 2), ("b", 0)), "d")], "Accounts")
