/* HMAC-SHA256 of short messages (FIPS 180-4, RFC 2104) and AES-128 of one block (FIPS 197), for the keys of QUIC Initials.
   These keys are public (RFC 9001, 5.2), so that nothing here needs to hide how long it takes. */
#ifndef RACKPRINT_QUIC_SECRETS_H
#define RACKPRINT_QUIC_SECRETS_H

#include "quic_sha.h"

enum { RP_DIGEST = 32, RP_SHORT = 55, RP_AES = 16, RP_ROUNDS = 10 };

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
