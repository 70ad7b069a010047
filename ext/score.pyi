import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
LANES: int

def score(codes: Ints, a: Ints, b: Ints, agree: Ints, differ: Ints, weights: Ints | None = None) -> Ints: ...
