import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]

def group(codes: npt.ArrayLike, size: int) -> tuple[Ints, Ints]: ...
def pairs(starts: npt.ArrayLike, members: npt.ArrayLike, cap: int) -> tuple[Ints, Ints, Ints]: ...
