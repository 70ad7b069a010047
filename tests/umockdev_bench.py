"""A bench of replayed USB devices for tests, on libumockdev: run under umockdev-wrapper with a tree, then a command to
run there. Reads from stdin ``in FILE SYSPATH``, ``out SYSPATH`` and ``stop``, which is Ctrl-C for the command."""

import ctypes
import signal
import subprocess
import sys
from pathlib import Path


class Bench:
    def __init__(self):
        self.library = library = ctypes.CDLL("libumockdev.so.0")
        library.umockdev_testbed_new.restype = ctypes.c_void_p
        text = ctypes.c_char_p
        for name, rest in {
            "add_from_string": [text, ctypes.c_void_p],
            "uevent": [text, text],
            "remove_device": [text],
        }.items():
            getattr(library, f"umockdev_testbed_{name}").argtypes = [ctypes.c_void_p, *rest]
        self.testbed = library.umockdev_testbed_new()

    def add(self, path):
        error = ctypes.c_void_p()
        text = Path(path).read_bytes()
        if not self.library.umockdev_testbed_add_from_string(self.testbed, text, ctypes.byref(error)):
            raise SystemExit(f"{path}: umockdev refuses it")

    def plug(self, path, place):
        self.add(path)
        self.library.umockdev_testbed_uevent(self.testbed, place.encode(), b"add")

    def unplug(self, place):
        self.library.umockdev_testbed_uevent(self.testbed, place.encode(), b"remove")
        self.library.umockdev_testbed_remove_device(self.testbed, place.encode())


def main(tree, *command):
    bench = Bench()
    bench.add(tree)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job would ignore it, and its children too
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    for line in sys.stdin:
        match line.split():
            case ["in", path, place]:
                bench.plug(path, place)
            case ["out", place]:
                bench.unplug(place)
            case ["stop"]:
                child.send_signal(signal.SIGINT)
                break
    else:
        child.kill()
    sys.exit(child.wait())


if __name__ == "__main__":
    main(*sys.argv[1:])
