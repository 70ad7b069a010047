# cython: language_level=3, boundscheck=False, wraparound=False
"""Scores of pairs of rows by the weights of their agreements, without the GIL. ``score_py`` is the plain twin.

Weights and scores are whole numbers (callers choose the unit, such as 1/256 bit), so that every instruction set, any
split of the work over threads and the twin give the same sums. Every index is checked before it is used."""

import numpy as np

cdef extern from "score_rows.h" nogil:
    enum: RACKPRINT_LANES
    void rackprint_score(const int *, const int *, const int *, Py_ssize_t, const int *, const int *, int *)
    void rackprint_score_rare(
        const int *, const int *, const int *, const int *, Py_ssize_t, const int *, int *)

LANES = RACKPRINT_LANES


cdef Py_ssize_t _outside(const int[::1] ends, Py_ssize_t n) noexcept nogil:
    """Where an end is no row; -1 for nowhere."""
    cdef Py_ssize_t k
    cdef unsigned int limit = <unsigned int>n
    for k in range(ends.shape[0]):
        if <unsigned int>ends[k] >= limit:
            return k
    return -1


def score(codes, a, b, agree, differ, weights=None):
    """Scores of the pairs (a[p], b[p]) as int32: over each lane that both rows have (code not 0) the sum of what an
    equal code weighs and of ``differ`` for an unequal one.

    ``codes`` is int32 (n, LANES), C-contiguous; ``a`` and ``b`` int32; ``agree`` and ``differ`` int32 (LANES). With
    ``weights``, int32 of the shape of codes, an agreement weighs weights[a[p]] of its lane in place of ``agree``, for
    values that weigh by how rare they are. Raises ValueError for shapes that do not fit and for rows outside."""
    cdef const int[:, ::1] table = codes
    cdef const int[::1] left = a
    cdef const int[::1] right = b
    cdef const int[::1] plus = agree
    cdef const int[::1] minus = differ
    cdef const int[:, ::1] rare
    cdef Py_ssize_t pairs = left.shape[0]
    if table.shape[1] != RACKPRINT_LANES or plus.shape[0] != RACKPRINT_LANES or minus.shape[0] != RACKPRINT_LANES:
        raise ValueError(f"rows and weights have {RACKPRINT_LANES} lanes")
    if pairs != right.shape[0]:
        raise ValueError(f"{pairs} and {right.shape[0]} pair ends: sizes do not fit")
    if table.shape[0] > 0x7FFFFFFF:
        raise ValueError("more rows than int32 can name")
    for ends, name in ((left, "a"), (right, "b")):
        wrong = _outside(ends, table.shape[0])
        if wrong >= 0:
            raise ValueError(f"{name}[{wrong}] is {ends[wrong]}, of {table.shape[0]} rows")
    found = np.empty(pairs, dtype=np.int32)
    if pairs == 0:
        return found
    cdef int[::1] out = found
    if weights is None:
        with nogil:
            rackprint_score(&table[0, 0], &left[0], &right[0], pairs, &plus[0], &minus[0], &out[0])
        return found
    rare = weights
    if rare.shape[0] != table.shape[0] or rare.shape[1] != RACKPRINT_LANES:
        raise ValueError("weights have another shape than codes")
    with nogil:
        rackprint_score_rare(&table[0, 0], &rare[0, 0], &left[0], &right[0], pairs, &minus[0], &out[0])
    return found
