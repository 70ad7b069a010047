/* Weights of agreement over pairs of padded rows. Whole numbers, so every variant gives the same sums.
 *
 * A row is LANES int32 codes, 0 where nothing was seen: one cache line. The loops over lanes have no branch, and the
 * compiler makes one variant for each instruction set below; the loader picks the best that the machine has. */
#ifndef RACKPRINT_SCORE_ROWS_H
#define RACKPRINT_SCORE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#define RACKPRINT_LANES 16
#define RACKPRINT_AHEAD 16 /* pairs */

#if defined(__GNUC__) || defined(__clang__)
#define RACKPRINT_FETCH(p) __builtin_prefetch((p), 0, 1)
#else
#define RACKPRINT_FETCH(p) ((void)(p))
#endif

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__)
#define RACKPRINT_VARIANTS __attribute__((target_clones("arch=x86-64-v4", "avx2", "default"), noinline))
#else
#define RACKPRINT_VARIANTS
#endif

RACKPRINT_VARIANTS
static void rackprint_score(const int32_t *codes, const int32_t *a, const int32_t *b, ptrdiff_t pairs,
                            const int32_t *agree, const int32_t *differ, int32_t *out)
{
    for (ptrdiff_t p = 0; p < pairs; p++) {
        if (p + RACKPRINT_AHEAD < pairs) {
            RACKPRINT_FETCH(codes + (ptrdiff_t)a[p + RACKPRINT_AHEAD] * RACKPRINT_LANES);
            RACKPRINT_FETCH(codes + (ptrdiff_t)b[p + RACKPRINT_AHEAD] * RACKPRINT_LANES);
        }
        const int32_t *x = codes + (ptrdiff_t)a[p] * RACKPRINT_LANES;
        const int32_t *y = codes + (ptrdiff_t)b[p] * RACKPRINT_LANES;
        int32_t sum = 0;
        for (int k = 0; k < RACKPRINT_LANES; k++) {
            int32_t seen = -((x[k] != 0) & (y[k] != 0)), same = -(x[k] == y[k]);
            sum += seen & ((same & agree[k]) | (~same & differ[k]));
        }
        out[p] = sum;
    }
}

/* As above; what an agreement weighs stands beside the code: it depends on how rare the value is. */
RACKPRINT_VARIANTS
static void rackprint_score_rare(const int32_t *codes, const int32_t *weights, const int32_t *a, const int32_t *b,
                                 ptrdiff_t pairs, const int32_t *differ, int32_t *out)
{
    for (ptrdiff_t p = 0; p < pairs; p++) {
        if (p + RACKPRINT_AHEAD < pairs) {
            RACKPRINT_FETCH(codes + (ptrdiff_t)a[p + RACKPRINT_AHEAD] * RACKPRINT_LANES);
            RACKPRINT_FETCH(weights + (ptrdiff_t)a[p + RACKPRINT_AHEAD] * RACKPRINT_LANES);
            RACKPRINT_FETCH(codes + (ptrdiff_t)b[p + RACKPRINT_AHEAD] * RACKPRINT_LANES);
        }
        const int32_t *x = codes + (ptrdiff_t)a[p] * RACKPRINT_LANES;
        const int32_t *w = weights + (ptrdiff_t)a[p] * RACKPRINT_LANES;
        const int32_t *y = codes + (ptrdiff_t)b[p] * RACKPRINT_LANES;
        int32_t sum = 0;
        for (int k = 0; k < RACKPRINT_LANES; k++) {
            int32_t seen = -((x[k] != 0) & (y[k] != 0)), same = -(x[k] == y[k]);
            sum += seen & ((same & w[k]) | (~same & differ[k]));
        }
        out[p] = sum;
    }
}

#endif
