/* IP fragments put together, in bounded memory: RFC 791 and 815, RFC 8200 (4.5). Where pieces overlap, the bytes that
 * came first stand. */
#ifndef RACKPRINT_WALK_FRAGMENTS_H
#define RACKPRINT_WALK_FRAGMENTS_H

#include "walk_layers.h"

#define RP_DATAGRAMS 128          /* waiting at once; the longest unseen goes first */
#define RP_DATAGRAM_BYTES 65535u
#define RP_RANGES 64              /* gaps of one datagram */
#define RP_NET_BYTES 256          /* of the header before the fragments */
#define RP_PATIENCE 60000000000ll /* nanoseconds; RFC 8200 waits as long */

typedef struct { uint32_t start, end; } rp_range;

typedef struct {
    int used;
    uint64_t seen;  /* number of the fragment that touched it last */
    uint32_t id, total, count, room;
    rp_pkt head;    /* of the fragment at 0, else of the first that came */
    uint8_t net[RP_NET_BYTES];
    uint8_t *data;
    rp_range ranges[RP_RANGES];
} rp_datagram;

typedef struct {
    rp_datagram *all;
    uint64_t clock, lost;  /* lost: datagrams that began and never became whole */
} rp_fragments;

static void rp_forget(rp_datagram *d) {
    free(d->data);
    d->data = NULL;
    d->room = 0;
    d->used = 0;
}

static rp_datagram *rp_find_datagram(rp_fragments *f, const rp_pkt *k, uint32_t id) {
    for (int i = 0; i < RP_DATAGRAMS; i++) {
        rp_datagram *d = f->all + i;
        if (d->used && d->id == id && d->head.version == k->version && d->head.proto == k->proto &&
            !memcmp(d->head.src, k->src, 16) && !memcmp(d->head.dst, k->dst, 16))
            return d;
    }
    return NULL;
}

/* A free place, or the longest unseen datagram, which the caller is to give up first. */
static rp_datagram *rp_place(rp_fragments *f) {
    rp_datagram *oldest = f->all;
    for (int i = 0; i < RP_DATAGRAMS; i++) {
        if (!f->all[i].used) return f->all + i;
        if (f->all[i].seen < oldest->seen) oldest = f->all + i;
    }
    return oldest;
}

static void rp_take_head(rp_datagram *d, const rp_pkt *k) {
    d->head = *k;
    if (d->head.net_size > RP_NET_BYTES) d->head.net_size = RP_NET_BYTES;
    memcpy(d->net, k->net, d->head.net_size);
    d->head.net = d->net;
}

static void rp_open(rp_datagram *d, const rp_pkt *k, uint32_t id) {
    d->used = 1;
    d->id = id;
    d->total = 0;
    d->count = 0;
    rp_take_head(d, k);
}

/* Adds a piece. 0: it does not fit a datagram and was left out. */
static int rp_add_piece(rp_datagram *d, const rp_pkt *k, const rp_piece *piece) {
    uint32_t at = piece->at, end = piece->at + piece->size, cursor = at, i, kept = 0;
    int headed = d->count && !d->ranges[0].start;
    rp_range merged = {at, end}, made[RP_RANGES + 1];
    if (!piece->size || end > RP_DATAGRAM_BYTES || (piece->more && piece->size % 8)) return 0;
    if (end > d->room) {
        uint32_t room = end < 4096 ? 4096 : end < 16384 ? 16384 : RP_DATAGRAM_BYTES;
        uint8_t *grown = (uint8_t *)realloc(d->data, room);
        if (!grown) return 0;
        d->data = grown;
        d->room = room;
    }
    for (i = 0; i < d->count; i++) {
        rp_range r = d->ranges[i];
        if (r.end < merged.start || r.start > merged.end) {
            made[kept++] = r;
        } else {
            if (r.start < merged.start) merged.start = r.start;
            if (r.end > merged.end) merged.end = r.end;
        }
    }
    if (kept >= RP_RANGES) return 0;
    for (i = 0; i < d->count && cursor < end; i++) {  /* only the gaps are written */
        rp_range r = d->ranges[i];
        if (r.end <= cursor) continue;
        if (r.start >= end) break;
        if (r.start > cursor) memcpy(d->data + cursor, piece->data + (cursor - at), r.start - cursor);
        cursor = r.end;
    }
    if (cursor < end) memcpy(d->data + cursor, piece->data + (cursor - at), end - cursor);
    for (i = kept; i > 0 && made[i - 1].start > merged.start; i--) made[i] = made[i - 1];
    made[i] = merged;
    d->count = kept + 1;
    memcpy(d->ranges, made, d->count * sizeof *made);
    if (!piece->more) d->total = end;
    if (!at && !headed) rp_take_head(d, k);
    return 1;
}

/* Bytes from the start on that are there without a gap. */
static inline uint32_t rp_prefix(const rp_datagram *d) {
    return d->count && !d->ranges[0].start ? d->ranges[0].end : 0;
}

static inline int rp_is_whole(const rp_datagram *d) {
    return d->total && rp_prefix(d) >= d->total;
}

#endif
