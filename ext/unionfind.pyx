# cython: language_level=3, boundscheck=False, wraparound=False
"""Connected components of an edge list, and widest ways through it, without the GIL. ``unionfind_py`` is the plain twin.

Bounds are not checked by the compiler: every node is checked here before it is used as an index. Links follow Rem's
algorithm with splicing (Patwary, Blair and Manne, "Experiments on union-find algorithms", SEA 2010): the larger root
hangs below the smaller, so labels need no second naming. What an edge will touch is prefetched, since on large graphs
nearly all time goes to waiting for memory.
"""

import numpy as np

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define RACKPRINT_PREFETCH(p) __builtin_prefetch((p), 1, 1)
    #else
    #define RACKPRINT_PREFETCH(p) ((void)(p))
    #endif
    """
    void RACKPRINT_PREFETCH(const void *) noexcept nogil

cdef enum:
    AHEAD = 32  # edges; far enough for memory to answer, near enough to stay in the first cache
    SOON = 12  # edges, by when the node has come and its parent can be asked for


cdef inline void _unite(int *parent, int x, int y) noexcept nogil:
    cdef int above
    while parent[x] != parent[y]:
        if parent[x] < parent[y]:
            x, y = y, x
        # parent[x] is the larger: climb from x, hanging each node on the way under the smaller
        if parent[x] == x:
            parent[x] = parent[y]
            return
        above = parent[x]
        parent[x] = parent[y]
        x = above


def components(int n, a, b):
    """Labels of the ``n`` nodes' components: the smallest node of each (numpy int32).

    ``a`` and ``b`` are buffers of int32 (array('i'), memoryview, numpy int32), of equal length: edge k joins a[k] and
    b[k]. Raises ValueError for lengths that differ, a negative ``n``, or a node outside 0..n-1."""
    cdef const int[::1] left = a
    cdef const int[::1] right = b
    if n < 0 or left.shape[0] != right.shape[0]:
        raise ValueError(f"{n} nodes, {left.shape[0]} and {right.shape[0]} edge ends: sizes do not fit")
    if n == 0:
        if left.shape[0]:
            raise ValueError("an edge without nodes")
        return np.empty(0, dtype=np.int32)
    labels = np.empty(n, dtype=np.int32)
    cdef int[::1] view = labels
    cdef int *parent = &view[0]
    cdef Py_ssize_t edge
    cdef Py_ssize_t edges = left.shape[0]
    cdef Py_ssize_t wrong = -1
    cdef Py_ssize_t far
    cdef int node
    with nogil:
        for node in range(n):
            parent[node] = node
        for edge in range(edges):
            if <unsigned int>left[edge] >= <unsigned int>n or <unsigned int>right[edge] >= <unsigned int>n:
                wrong = edge
                break
        if wrong < 0:
            far = max(edges - AHEAD, 0)
            for edge in range(far):
                RACKPRINT_PREFETCH(parent + left[edge + AHEAD])
                RACKPRINT_PREFETCH(parent + right[edge + AHEAD])
                RACKPRINT_PREFETCH(parent + parent[left[edge + SOON]])
                RACKPRINT_PREFETCH(parent + parent[right[edge + SOON]])
                _unite(parent, left[edge], right[edge])
            for edge in range(far, edges):
                _unite(parent, left[edge], right[edge])
            # parents are smaller, so the one above has its final label already
            for node in range(n):
                parent[node] = parent[parent[node]]
    if wrong >= 0:
        raise ValueError(f"edge {wrong} joins {left[wrong]} and {right[wrong]}, of {n} nodes")
    return labels


def widest(int n, a, b, strength, anchored):
    """How strongly each of ``n`` nodes hangs on an anchor: float64, the weakest edge on the best way to one, infinity
    for an anchor and -infinity where no way leads.

    Edge k joins a[k] and b[k] (int32) with strength[k] (float64); strengths must not rise. ``anchored`` is uint8, n
    of them. Kruskal's order: what meets an anchored component first meets it over its best way. Raises ValueError for
    sizes that do not fit, a node outside, or strengths that rise."""
    cdef const int[::1] left = a
    cdef const int[::1] right = b
    cdef const double[::1] bits = strength
    cdef const unsigned char[::1] marks = anchored
    if n < 0 or left.shape[0] != right.shape[0] or left.shape[0] != bits.shape[0] or marks.shape[0] != n:
        raise ValueError("nodes, edge ends, strengths and anchors: sizes do not fit")
    found = np.where(np.asarray(anchored, dtype=np.uint8) != 0, np.inf, -np.inf)
    if n == 0:
        return found
    cdef double[::1] width = found
    parent_array = np.arange(n, dtype=np.int32)
    cdef int[::1] parent = parent_array
    # of each component that hangs on no anchor yet, its nodes as a chain: from the root over ``following`` to ``last``
    following_array = np.full(n, -1, dtype=np.int32)
    cdef int[::1] following = following_array
    last_array = np.arange(n, dtype=np.int32)
    cdef int[::1] last = last_array
    held_array = np.array(anchored, dtype=np.uint8)
    cdef unsigned char[::1] held = held_array
    cdef Py_ssize_t edge, wrong = -1
    cdef int x, y, node
    cdef double now
    with nogil:
        for edge in range(left.shape[0]):
            x = left[edge]
            y = right[edge]
            now = bits[edge]
            if x < 0 or y < 0 or x >= n or y >= n or (edge and not now <= bits[edge - 1]):
                wrong = edge
                break
            while parent[x] != x:
                parent[x] = parent[parent[x]]
                x = parent[x]
            while parent[y] != y:
                parent[y] = parent[parent[y]]
                y = parent[y]
            if x == y:
                continue
            if y < x:
                x, y = y, x
            parent[y] = x
            if held[x] and not held[y]:
                node = y
                while node >= 0:
                    width[node] = now
                    node = following[node]
            elif held[y] and not held[x]:
                node = x
                while node >= 0:
                    width[node] = now
                    node = following[node]
                held[x] = 1
            elif not held[x]:
                following[last[x]] = y
                last[x] = last[y]
    if wrong >= 0:
        raise ValueError(f"edge {wrong} joins {left[wrong]} and {right[wrong]} at {bits[wrong]}, of {n} nodes")
    return found
