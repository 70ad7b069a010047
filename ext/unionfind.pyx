# cython: language_level=3, boundscheck=False, wraparound=False
"""Connected components of an edge list, without the GIL. ``unionfind_py`` is the plain twin.

Bounds are not checked by the compiler: every node is checked here before it is used as an index.
"""

from array import array


cdef int _find(int[::1] parent, int node) noexcept nogil:
    # path halving: every other node on the way is hung one step higher
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


def components(int n, a, b):
    """Labels of the ``n`` nodes' components: the smallest node of each, as array('i').

    ``a`` and ``b`` are buffers of int32 (array('i'), memoryview, numpy int32), of equal length: edge k joins a[k] and
    b[k]. Raises ValueError for lengths that differ, a negative ``n``, or a node outside 0..n-1."""
    cdef const int[::1] left = a
    cdef const int[::1] right = b
    if n < 0 or left.shape[0] != right.shape[0]:
        raise ValueError(f"{n} nodes, {left.shape[0]} and {right.shape[0]} edge ends: sizes do not fit")
    labels = array("i", bytes(4 * n))
    if n == 0:
        if left.shape[0]:
            raise ValueError("an edge without nodes")
        return labels
    cdef int[::1] parent = labels
    cdef Py_ssize_t edge
    cdef Py_ssize_t edges = left.shape[0]
    cdef Py_ssize_t wrong = -1
    cdef int node, x, y
    with nogil:
        for node in range(n):
            parent[node] = node
        for edge in range(edges):
            x = left[edge]
            y = right[edge]
            if x < 0 or y < 0 or x >= n or y >= n:
                wrong = edge
                break
            x = _find(parent, x)
            y = _find(parent, y)
            # the smaller node is the root, so that labels need no second naming
            if x < y:
                parent[y] = x
            else:
                parent[x] = y
        if wrong < 0:
            for node in range(n):
                parent[node] = parent[parent[node]]
    if wrong >= 0:
        raise ValueError(f"edge {wrong} joins {left[wrong]} and {right[wrong]}, of {n} nodes")
    return labels
