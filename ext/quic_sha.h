/* SHA-256 of one block (FIPS 180-4), with the instructions that x86 has for it where the processor has them. */
#ifndef RACKPRINT_QUIC_SHA_H
#define RACKPRINT_QUIC_SHA_H

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>
#define RP_SHA_X86
#endif

enum { RP_BLOCK = 64 };

static const uint32_t rp_sha_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
static const uint32_t rp_sha_start[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static inline uint32_t rp_right(uint32_t x, int n) { return x >> n | x << (32 - n); }

/* One of the 64 steps, where the first of the eight words stands at ``at``. */
static inline void rp_sha_step(uint32_t s[8], int at, uint32_t word, int number) {
    uint32_t a = s[at & 7], b = s[(at + 1) & 7], c = s[(at + 2) & 7], e = s[(at + 4) & 7];
    uint32_t f = s[(at + 5) & 7], g = s[(at + 6) & 7];
    uint32_t sum = s[(at + 7) & 7] + (rp_right(e, 6) ^ rp_right(e, 11) ^ rp_right(e, 25)) + ((e & f) ^ (~e & g)) +
                   rp_sha_k[number] + word;
    s[(at + 3) & 7] += sum;
    s[(at + 7) & 7] = sum + (rp_right(a, 2) ^ rp_right(a, 13) ^ rp_right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
}

static void rp_sha_plainly(uint32_t state[8], const uint8_t block[RP_BLOCK]) {
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (rp_right(a, 7) ^ rp_right(a, 18) ^ a >> 3) +
               (rp_right(b, 17) ^ rp_right(b, 19) ^ b >> 10);
    }
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i += 8) {  /* each step writes to two of the eight, and what they are called moves on */
        rp_sha_step(s, 0, w[i], i), rp_sha_step(s, 7, w[i + 1], i + 1);
        rp_sha_step(s, 6, w[i + 2], i + 2), rp_sha_step(s, 5, w[i + 3], i + 3);
        rp_sha_step(s, 4, w[i + 4], i + 4), rp_sha_step(s, 3, w[i + 5], i + 5);
        rp_sha_step(s, 2, w[i + 6], i + 6), rp_sha_step(s, 1, w[i + 7], i + 7);
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

static int rp_sha_fast;  /* whether rp_sha_block takes the processor's own instructions */

#ifdef RP_SHA_X86
/* The processor holds the state as two vectors of words: a b e f and c d g h, from high to low. */
__attribute__((target("sha,sse4.1"))) static void rp_sha_x86(uint32_t state[8], const uint8_t block[RP_BLOCK]) {
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll);
    __m128i w[4], badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
    __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xF0);
    const __m128i abef_before = abef, cdgh_before = cdgh;
    for (int i = 0; i < 4; i++) w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(block + 16 * i)), order);
    for (int i = 0; i < 16; i++) {  /* four steps a turn */
        __m128i words = _mm_add_epi32(w[0], _mm_loadu_si128((const __m128i *)(rp_sha_k + 4 * i)));
        __m128i next = _mm_add_epi32(_mm_sha256msg1_epu32(w[0], w[1]), _mm_alignr_epi8(w[3], w[2], 4));
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, words);
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(words, 0x0E));
        next = _mm_sha256msg2_epu32(next, w[3]);
        w[0] = w[1], w[1] = w[2], w[2] = w[3], w[3] = next;
    }
    abef = _mm_shuffle_epi32(_mm_add_epi32(abef, abef_before), 0x1B);
    cdgh = _mm_shuffle_epi32(_mm_add_epi32(cdgh, cdgh_before), 0xB1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(abef, cdgh, 0xF0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(cdgh, abef, 8));
}
#endif

/* ``wanted`` where the processor can: whether it will be so. */
static int rp_sha_choose(int wanted) {
#ifdef RP_SHA_X86
    unsigned a, b, c, d;
    rp_sha_fast = wanted && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
                  (b & bit_SHA);
#else
    (void)wanted;
#endif
    return rp_sha_fast;
}

static void rp_sha_block(uint32_t state[8], const uint8_t block[RP_BLOCK]) {
#ifdef RP_SHA_X86
    if (rp_sha_fast) {
        rp_sha_x86(state, block);
        return;
    }
#endif
    rp_sha_plainly(state, block);
}

#endif
