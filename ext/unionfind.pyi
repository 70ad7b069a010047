import numpy as np
import numpy.typing as npt

def components(n: int, a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.int32]: ...
def widest(
    n: int, a: npt.ArrayLike, b: npt.ArrayLike, strength: npt.ArrayLike, anchored: npt.ArrayLike
) -> npt.NDArray[np.float64]: ...
