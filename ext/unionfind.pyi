from array import array
from typing import Any

def components(n: int, a: Any, b: Any) -> array[int]: ...
