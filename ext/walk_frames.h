/* Records of pcap and pcapng in bytes that come piece by piece: fingerprint/capture/records.py is the twin.
 * Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. */
#ifndef RACKPRINT_WALK_FRAMES_H
#define RACKPRINT_WALK_FRAMES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RP_RECORD_LIMIT 262144u      /* libpcap's MAXIMUM_SNAPLEN */
#define RP_BLOCK_LIMIT (16u << 20)   /* of a pcapng block that is to be read */
#define RP_INTERFACES 65536u

/* What cannot be read; the texts are in packets_kernel.py. */
enum rp_fault {
    RP_NO_FAULT, RP_RECORD_HEADER_CUT, RP_RECORD_TOO_LONG, RP_RECORD_CUT, RP_NO_BYTE_ORDER, RP_BLOCK_HEADER_CUT,
    RP_BLOCK_LENGTH, RP_BLOCK_TOO_LONG, RP_BLOCK_CUT, RP_LENGTHS_DIFFER, RP_INTERFACE_SHORT, RP_INTERFACES_MANY,
    RP_PACKET_SHORT, RP_NO_INTERFACE, RP_PACKET_CLAIM, RP_ZEROS
};

enum rp_step { RP_NEED, RP_GOT, RP_PASSED, RP_WRONG, RP_LOST };

typedef struct {
    int64_t time;      /* nanoseconds since 1970 */
    uint64_t offset;   /* of the record header or block in the file */
    uint32_t link, size;
    const uint8_t *data;
} rp_record;

typedef struct {
    uint32_t link, snaplen;
    unsigned __int128 multiply, divide;
    int64_t shift;     /* seconds */
} rp_interface;

typedef struct {
    int blocks;        /* pcapng */
    int big;           /* byte order of the section */
    int differ;        /* that a block's lengths differ was said */
    uint32_t header, tick, link;
    uint64_t offset;   /* of the next record */
    int64_t last;      /* time of the last record, for packets without one */
    uint64_t skip;     /* bytes of a block still to pass */
    uint8_t tail[4], told[4];
    uint64_t block, block_size;
    rp_interface *interfaces;
    uint32_t count, room;
    enum rp_fault fault;
    uint64_t where, claimed, held;
} rp_frames;

static inline uint16_t rp_be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t rp_be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint16_t rp_u16(const uint8_t *p, int big) { return big ? rp_be16(p) : (uint16_t)(p[1] << 8 | p[0]); }
static inline uint32_t rp_u32(const uint8_t *p, int big) {
    return big ? rp_be32(p) : ((uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0]);
}

static inline enum rp_step rp_fail(rp_frames *f, enum rp_fault fault, uint64_t claimed, uint64_t held,
                                   enum rp_step step) {
    f->fault = fault;
    f->where = f->offset;
    f->claimed = claimed;
    f->held = held;
    return step;
}

/* A step over bytes: RP_NEED sets *used to how many are wanted from ``p`` on, the others to how many were taken.
 * After RP_WRONG reading goes on, after RP_LOST it cannot. */
static enum rp_step rp_pcap(rp_frames *f, const uint8_t *p, size_t n, size_t *used, rp_record *out) {
    static const uint8_t zeros[16];
    uint32_t length;
    *used = f->header;
    if (n < f->header) return RP_NEED;
    if (!memcmp(p, zeros, sizeof zeros)) return rp_fail(f, RP_ZEROS, 0, 0, RP_LOST);
    length = rp_u32(p + 8, f->big);
    if (length > RP_RECORD_LIMIT) return rp_fail(f, RP_RECORD_TOO_LONG, length, 0, RP_LOST);
    *used = (size_t)f->header + length;
    if (n < *used) return RP_NEED;
    out->time = (int64_t)rp_u32(p, f->big) * 1000000000 + (int64_t)rp_u32(p + 4, f->big) * f->tick;
    out->offset = f->offset;
    out->link = f->link;
    out->size = length;
    out->data = p + f->header;
    f->offset += *used;
    return RP_GOT;
}

static enum rp_fault rp_add_interface(rp_frames *f, const uint8_t *p, size_t n) {
    rp_interface made = {0, 0, 1000, 1, 0};
    size_t at = 8;
    if (n < 8) return RP_INTERFACE_SHORT;
    if (f->count >= RP_INTERFACES) return RP_INTERFACES_MANY;
    made.link = rp_u16(p, f->big);
    made.snaplen = rp_u32(p + 4, f->big);
    while (at + 4 <= n) {
        uint16_t code = rp_u16(p + at, f->big), size = rp_u16(p + at + 2, f->big);
        const uint8_t *value = p + at + 4;
        int whole = at + 4 + size <= n;
        at += 4 + ((size_t)size + 3) / 4 * 4;
        if (code == 0) break;
        if (code == 9 && size == 1 && whole) {  /* if_tsresol: 10^-n, or 2^-n with the top bit */
            unsigned exponent = value[0] & 0x7F;
            made.multiply = 1000000000;
            made.divide = 1;
            if (value[0] & 0x80) {
                made.divide <<= exponent;
            } else if (exponent > 28) {
                made.multiply = 0;  /* 64 bits of such ticks are no nanosecond */
            } else {
                while (exponent--) made.divide *= 10;
            }
        } else if (code == 14 && size == 8 && whole) {
            uint64_t low = rp_u32(value + (f->big ? 4 : 0), f->big), high = rp_u32(value + (f->big ? 0 : 4), f->big);
            made.shift = (int64_t)(high << 32 | low);
        }
    }
    if (f->count == f->room) {
        uint32_t room = f->room ? f->room * 2 : 8;
        rp_interface *grown = (rp_interface *)realloc(f->interfaces, room * sizeof *grown);
        if (!grown) return RP_INTERFACES_MANY;
        f->interfaces = grown;
        f->room = room;
    }
    f->interfaces[f->count++] = made;
    return RP_NO_FAULT;
}

static int64_t rp_time(const rp_interface *i, uint64_t ticks) {
    __int128 time = (__int128)(ticks * i->multiply / i->divide) + (__int128)i->shift * 1000000000;
    if (time < 0) return 0;
    return time > INT64_MAX ? INT64_MAX : (int64_t)time;
}

static enum rp_step rp_packet(rp_frames *f, uint32_t kind, const uint8_t *p, size_t n, rp_record *out) {
    size_t fixed = kind == 3 ? 4 : 20;
    uint32_t number, length;
    const rp_interface *from;
    if (n < fixed) return rp_fail(f, RP_PACKET_SHORT, 0, 0, RP_WRONG);
    number = kind == 3 ? 0 : kind == 6 ? rp_u32(p, f->big) : rp_u16(p, f->big);
    length = rp_u32(kind == 3 ? p : p + 12, f->big);
    if (number >= f->count) return rp_fail(f, RP_NO_INTERFACE, number, 0, RP_WRONG);
    from = f->interfaces + number;
    if (kind == 3) {  /* carries no time and the length on the wire; the time before it is the nearest known */
        if (from->snaplen && from->snaplen < length) length = from->snaplen;
        out->time = f->last;
    } else {
        out->time = rp_time(from, (uint64_t)rp_u32(p + 4, f->big) << 32 | rp_u32(p + 8, f->big));
    }
    if (length > n - fixed || length > RP_RECORD_LIMIT) return rp_fail(f, RP_PACKET_CLAIM, length, n - fixed, RP_WRONG);
    f->last = out->time;
    out->offset = f->offset;
    out->link = from->link;
    out->size = length;
    out->data = p + fixed;
    return RP_GOT;
}

/* The end of a block whose bytes were passed over. */
static enum rp_step rp_passed(rp_frames *f) {
    enum rp_step step = RP_PASSED;
    if (memcmp(f->tail, f->told, 4)) step = rp_fail(f, RP_LENGTHS_DIFFER, f->block_size, 0, RP_WRONG);
    f->offset += f->block_size;
    f->block_size = 0;
    return step;
}

static enum rp_step rp_skip(rp_frames *f, const uint8_t *p, size_t n, size_t *used) {
    size_t take = n < f->skip ? n : (size_t)f->skip;
    *used = 1;
    if (!take) return RP_NEED;
    if (take >= 4) {
        memcpy(f->tail, p + take - 4, 4);
    } else {
        memmove(f->tail, f->tail + take, 4 - take);
        memcpy(f->tail + 4 - take, p, take);
    }
    f->skip -= take;
    *used = take;
    return f->skip ? RP_PASSED : rp_passed(f);
}

static enum rp_step rp_block(rp_frames *f, const uint8_t *p, size_t n, size_t *used, rp_record *out) {
    static const uint8_t section[4] = {0x0A, 0x0D, 0x0D, 0x0A};
    uint32_t kind, length, head = 8;
    enum rp_step step = RP_PASSED;
    if (f->skip) return rp_skip(f, p, n, used);
    *used = 8;
    if (n < 4) return RP_NEED;
    if (!memcmp(p, section, 4)) {
        *used = head = 12;
        if (n < 12) return RP_NEED;
        if (rp_be32(p + 8) == 0x1A2B3C4Du) f->big = 1;
        else if (rp_be32(p + 8) == 0x4D3C2B1Au) f->big = 0;
        else return rp_fail(f, RP_NO_BYTE_ORDER, 0, 0, RP_LOST);
        f->count = 0;
    }
    if (n < 8) return RP_NEED;
    kind = rp_u32(p, f->big);
    length = rp_u32(p + 4, f->big);
    if (length < head + 4 || length % 4) return rp_fail(f, RP_BLOCK_LENGTH, length, 0, RP_LOST);
    if (head == 12 || (kind != 1 && kind != 2 && kind != 3 && kind != 6)) {
        f->skip = length - head;
        f->block_size = length;
        memcpy(f->told, p + 4, 4);
        *used = head;
        return RP_PASSED;
    }
    if (length - head > RP_BLOCK_LIMIT) return rp_fail(f, RP_BLOCK_TOO_LONG, length, 0, RP_LOST);
    f->block_size = length;  /* for the fault at an end that comes too soon */
    *used = length;
    if (n < length) return RP_NEED;
    if (!f->differ && memcmp(p + 4, p + length - 4, 4)) {  /* said first, then the block is read */
        f->differ = 1;
        *used = 0;
        return rp_fail(f, RP_LENGTHS_DIFFER, length, 0, RP_WRONG);
    }
    f->differ = 0;
    if (kind == 1) {
        enum rp_fault fault = rp_add_interface(f, p + 8, length - 12);
        if (fault) return rp_fail(f, fault, 0, 0, RP_LOST);
    } else {
        step = rp_packet(f, kind, p + 8, length - 12, out);
    }
    f->offset += length;
    f->block_size = 0;
    return step;
}

static inline enum rp_step rp_next(rp_frames *f, const uint8_t *p, size_t n, size_t *used, rp_record *out) {
    return f->blocks ? rp_block(f, p, n, used, out) : rp_pcap(f, p, n, used, out);
}

/* What ends too soon, once the file has ended with ``n`` bytes at ``p`` left; RP_NO_FAULT for nothing. */
static enum rp_fault rp_end(rp_frames *f, const uint8_t *p, size_t n) {
    static const uint8_t section[4] = {0x0A, 0x0D, 0x0D, 0x0A};
    if (!f->blocks) {
        if (!n) return RP_NO_FAULT;
        if (n < f->header) rp_fail(f, RP_RECORD_HEADER_CUT, 0, 0, RP_LOST);
        else rp_fail(f, RP_RECORD_CUT, rp_u32(p + 8, f->big), n - f->header, RP_LOST);
    } else if (f->skip) {
        rp_fail(f, RP_BLOCK_CUT, f->block_size, f->block_size - f->skip, RP_LOST);
    } else if (!n) {
        return RP_NO_FAULT;
    } else if (n >= 4 && n < 12 && !memcmp(p, section, 4)) {
        rp_fail(f, RP_NO_BYTE_ORDER, 0, 0, RP_LOST);
    } else if (n < 8) {
        rp_fail(f, RP_BLOCK_HEADER_CUT, 0, 0, RP_LOST);
    } else {
        rp_fail(f, RP_BLOCK_CUT, rp_u32(p + 4, f->big), n, RP_LOST);
    }
    return f->fault;
}

#endif
