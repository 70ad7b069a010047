/* HMAC-SHA256 of short messages (FIPS 180-4, RFC 2104) and AES-128 of one block (FIPS 197), for the keys of QUIC Initials.
   These keys are public (RFC 9001, 5.2), so that nothing here needs to hide how long it takes. */
#ifndef RACKPRINT_QUIC_SECRETS_H
#define RACKPRINT_QUIC_SECRETS_H

#include <stdint.h>
#include <string.h>

enum { RP_BLOCK = 64, RP_DIGEST = 32, RP_SHORT = 55, RP_AES = 16, RP_ROUNDS = 10 };

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

static void rp_sha_block(uint32_t state[8], const uint8_t block[RP_BLOCK]) {
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

typedef struct { uint32_t inner[8], outer[8]; } rp_hmac_key;

/* The hash of a message of at most RP_SHORT bytes that follows the one block which ``state`` has seen. */
static void rp_sha_end(const uint32_t state[8], const uint8_t *message, size_t length, uint8_t out[RP_DIGEST]) {
    uint8_t block[RP_BLOCK] = {0};
    uint32_t s[8], bits = 8 * (RP_BLOCK + (uint32_t)length);
    memcpy(s, state, sizeof s);
    memcpy(block, message, length);
    block[length] = 0x80;
    block[RP_BLOCK - 2] = (uint8_t)(bits >> 8);
    block[RP_BLOCK - 1] = (uint8_t)bits;
    rp_sha_block(s, block);
    for (int i = 0; i < RP_DIGEST; i++) out[i] = (uint8_t)(s[i / 4] >> (24 - i % 4 * 8));
}

static void rp_sha_padded(const uint8_t *key, size_t size, uint8_t pad, uint32_t state[8]) {
    uint8_t block[RP_BLOCK];
    memcpy(state, rp_sha_start, sizeof rp_sha_start);
    for (size_t i = 0; i < RP_BLOCK; i++) block[i] = (i < size ? key[i] : 0) ^ pad;
    rp_sha_block(state, block);
}

/* 0: the key is longer than a block. */
static int rp_hmac_begin(rp_hmac_key *k, const uint8_t *key, size_t size) {
    if (size > RP_BLOCK) return 0;
    rp_sha_padded(key, size, 0x36, k->inner);
    rp_sha_padded(key, size, 0x5c, k->outer);
    return 1;
}

/* 0: the message is longer than RP_SHORT. */
static int rp_hmac_of(const rp_hmac_key *k, const uint8_t *message, size_t length, uint8_t out[RP_DIGEST]) {
    uint8_t inner[RP_DIGEST];
    if (length > RP_SHORT) return 0;
    rp_sha_end(k->inner, message, length, inner);
    rp_sha_end(k->outer, inner, sizeof inner, out);
    return 1;
}

static uint8_t rp_aes_box[256];

static inline uint8_t rp_twice(uint8_t x) { return (uint8_t)(x << 1 ^ (x >> 7) * 0x1b); }

/* The S-box from its definition: the inverse in GF(2^8), then an affine map. 3 generates the field. */
static void rp_aes_fill(void) {
    uint8_t power[256], log[256] = {0}, x = 1;
    for (int i = 0; i < 255; i++) {
        power[i] = x;
        log[x] = (uint8_t)i;
        x ^= rp_twice(x);
    }
    for (int i = 0; i < 256; i++) {
        uint8_t inverse = i ? power[(255 - log[i]) % 255] : 0, sum = inverse;
        for (int n = 1; n < 5; n++) sum ^= (uint8_t)(inverse << n | inverse >> (8 - n));
        rp_aes_box[i] = sum ^ 0x63;
    }
}

static void rp_aes_expand(const uint8_t key[RP_AES], uint8_t rounds[(RP_ROUNDS + 1) * RP_AES]) {
    uint8_t constant = 1;
    memcpy(rounds, key, RP_AES);
    for (int i = RP_AES; i < (RP_ROUNDS + 1) * RP_AES; i += 4) {
        uint8_t *to = rounds + i;
        const uint8_t *last = to - 4, *before = to - RP_AES;
        if (i % RP_AES) {
            for (int n = 0; n < 4; n++) to[n] = before[n] ^ last[n];
            continue;
        }
        for (int n = 0; n < 4; n++) to[n] = before[n] ^ rp_aes_box[last[(n + 1) % 4]];
        to[0] ^= constant;
        constant = rp_twice(constant);
    }
}

static void rp_aes_block(const uint8_t rounds[(RP_ROUNDS + 1) * RP_AES], const uint8_t in[RP_AES],
                         uint8_t out[RP_AES]) {
    uint8_t state[RP_AES], moved[RP_AES];
    for (int i = 0; i < RP_AES; i++) state[i] = in[i] ^ rounds[i];
    for (int round = 1; round <= RP_ROUNDS; round++) {
        for (int i = 0; i < RP_AES; i++) moved[i] = rp_aes_box[state[(i + i % 4 * 4) % RP_AES]];
        for (int i = 0; i < RP_AES; i += 4) {
            const uint8_t *m = moved + i;
            uint8_t all = m[0] ^ m[1] ^ m[2] ^ m[3];
            for (int n = 0; n < 4; n++)
                state[i + n] = round < RP_ROUNDS ? (uint8_t)(m[n] ^ all ^ rp_twice(m[n] ^ m[(n + 1) % 4])) : m[n];
        }
        for (int i = 0; i < RP_AES; i++) state[i] ^= rounds[round * RP_AES + i];
    }
    memcpy(out, state, RP_AES);
}

#endif
