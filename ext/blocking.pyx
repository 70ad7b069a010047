# cython: language_level=3, boundscheck=False, wraparound=False
"""Blocks of rows that share a value, and the pairs within them. ``blocking_py`` is the plain twin.

Bounds are not checked by the compiler: every code and row is checked here before it is used as an index."""

import numpy as np


def group(codes, int size):
    """Counting sort of ``codes`` (int32, each in 0..size-1): (starts, order), int32 arrays, where the positions of
    code c are order[starts[c]:starts[c + 1]], ascending. Raises ValueError for a code outside."""
    cdef const int[::1] given = np.ascontiguousarray(codes, dtype=np.int32)
    cdef Py_ssize_t n = given.shape[0]
    if size < 0:
        raise ValueError(f"{size} values")
    starts_array = np.zeros(size + 1, dtype=np.int32)
    order_array = np.empty(n, dtype=np.int32)
    next_array = np.empty(max(size, 1), dtype=np.int32)
    cdef int[::1] starts = starts_array
    cdef int[::1] order = order_array
    cdef int[::1] following = next_array
    cdef Py_ssize_t k, wrong = -1
    cdef int code
    with nogil:
        for k in range(n):
            code = given[k]
            if code < 0 or code >= size:
                wrong = k
                break
            starts[code + 1] += 1
        if wrong < 0:
            for k in range(size):
                following[k] = starts[k]
                starts[k + 1] += starts[k]
            for k in range(n):
                code = given[k]
                order[following[code]] = <int>k
                following[code] += 1
    if wrong >= 0:
        raise ValueError(f"code {given[wrong]} at {wrong}, of {size} values")
    return starts_array, order_array


def pairs(starts, members, int cap):
    """Every pair of members that share a block of 2 to ``cap`` members: (a, b, block), int32 arrays, a < b, block by
    block; a pair that shares several blocks comes once for each. Block c is members[starts[c]:starts[c + 1]] (starts
    as ``group`` gives them), its members distinct and >= 0. A larger block says too little of any one pair and gives
    none, so a carrier's address or a model never explodes: at most (cap - 1) / 2 pairs a member and block. Raises
    ValueError for starts that do not fit."""
    cdef const int[::1] first = np.ascontiguousarray(starts, dtype=np.int32)
    cdef const int[::1] given = np.ascontiguousarray(members, dtype=np.int32)
    cdef Py_ssize_t blocks = first.shape[0] - 1
    cdef Py_ssize_t c, i, j, begin, end, total = 0, at = 0
    cdef bint fits = True
    cdef int x, y
    if blocks < 0:
        raise ValueError("no starts")
    with nogil:
        for c in range(blocks):
            begin = first[c]
            end = first[c + 1]
            if begin < 0 or end < begin or end > given.shape[0]:
                fits = False
                break
            if 2 <= end - begin <= cap:
                total += (end - begin) * (end - begin - 1) // 2
    if not fits:
        raise ValueError("starts do not fit the members")
    left_array = np.empty(total, dtype=np.int32)
    right_array = np.empty(total, dtype=np.int32)
    block_array = np.empty(total, dtype=np.int32)
    cdef int[::1] left = left_array
    cdef int[::1] right = right_array
    cdef int[::1] block = block_array
    with nogil:
        for c in range(blocks):
            begin = first[c]
            end = first[c + 1]
            if 2 <= end - begin <= cap:
                for i in range(begin, end):
                    for j in range(i + 1, end):
                        x = given[i]
                        y = given[j]
                        left[at] = x if x < y else y
                        right[at] = y if x < y else x
                        block[at] = <int>c
                        at += 1
    return left_array, right_array, block_array
