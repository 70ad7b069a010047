/* The head of a TCP stream, put in order until its ClientHello is whole: fingerprint/capture/reassembly.py is the twin,
 * rule for rule. */
#ifndef RACKPRINT_WALK_HELLO_H
#define RACKPRINT_WALK_HELLO_H

#include "walk_flows.h"

/* Whether the bytes may be the start of a TLS record that opens a ClientHello; short data gets the benefit. */
static int rp_looks_like_hello(const uint8_t *p, size_t n) {
    uint32_t size;
    if (n > 0 && p[0] != 0x16) return 0;
    if (n > 1 && p[1] != 3) return 0;
    if (n > 2 && p[2] > 4) return 0;
    if (n > 5 && p[5] != 1) return 0;
    if (n < 5) return 1;
    size = rp_be16(p + 3);
    return size > 0 && size <= 16640;
}

/* How far the ClientHello in ``data`` has come, from where the last call left off; ``claim`` is set with the message's
 * length once it is known. */
static enum rp_tls rp_message(rp_head *h, uint32_t *claim) {
    for (;;) {
        uint32_t size, there, total, got = 0, at = 0;
        uint8_t start[4];
        if (h->message >= 4 || h->size > 5) {  /* the first four bytes of the message, over records */
            while (got < 4 && at + 5 < h->size && at <= h->record) {
                size = rp_be16(h->data + at + 3);
                for (uint32_t i = 0; i < size && got < 4 && at + 5 + i < h->size; i++) start[got++] = h->data[at + 5 + i];
                at += 5 + size;
            }
        }
        if (got == 4) h->claim = *claim = (uint32_t)start[1] << 16 | (uint32_t)start[2] << 8 | start[3];
        if (got == 4 && h->message >= 4) {
            if (*claim > RP_MAX_HELLO) return RP_TLS_CLAIMS;
            if (h->message >= 4 + *claim) return RP_TLS_WHOLE;
        }
        if (h->record + 5 > h->size) return RP_TLS_NOTHING;
        if (h->data[h->record] != 0x16 || h->data[h->record + 1] != 3) return RP_TLS_NO_RECORD;
        size = rp_be16(h->data + h->record + 3);
        if (!size) return RP_TLS_EMPTY;
        there = h->size - h->record - 5;
        if (there < size) {
            total = h->message + there;
            return got == 4 && total >= 4 && total >= 4 + *claim ? RP_TLS_WHOLE : RP_TLS_NOTHING;
        }
        h->message += size;
        h->record += 5 + size;
    }
}

static void rp_origin_of(rp_origin *from, const rp_pkt *k) {
    from->time = k->time;
    from->offset = k->offset;
    from->macs = k->macs;
    memcpy(from->mac_src, k->mac_src, 6);
    memcpy(from->mac_dst, k->mac_dst, 6);
}

static rp_head *rp_head_of(rp_flow *flow) {
    if (!flow->head) flow->head = (rp_head *)calloc(1, sizeof(rp_head));
    return flow->head;
}

static void rp_append(rp_head *h, const uint8_t *p, uint32_t n, const rp_origin *from) {
    if (!n) return;
    if (!h->size) h->first = *from;
    if (n > RP_FLOW_BYTES - h->size) n = RP_FLOW_BYTES - h->size;
    if (h->size + n > h->room) {
        uint32_t room = h->room ? h->room : 1024;
        uint8_t *grown;
        while (room < h->size + n) room *= 2;
        grown = (uint8_t *)realloc(h->data, room);
        if (!grown) return;
        h->data = grown;
        h->room = room;
    }
    memcpy(h->data + h->size, p, n);
    h->size += n;
}

/* Keeps a segment until the gap before it closes. ``limit``: how many may wait. A longer one with the same number
 * replaces the shorter. */
static void rp_store(rp_head *h, uint32_t seq, const rp_pkt *k, uint32_t limit, int replace) {
    rp_segment *place = NULL;
    uint8_t *copy;
    for (uint32_t i = 0; i < h->waiting; i++)
        if (h->segments[i].seq == seq) {
            if (!replace || h->segments[i].size >= k->payload_size) return;
            place = h->segments + i;
        }
    if (h->waiting >= limit || h->size + h->waiting_bytes + k->payload_size > 2 * RP_FLOW_BYTES) return;
    copy = (uint8_t *)malloc(k->payload_size);
    if (!copy) return;
    if (!place) {
        if (h->waiting == h->places) {
            uint32_t places = h->places ? h->places * 2 : 4;
            rp_segment *grown = (rp_segment *)realloc(h->segments, places * sizeof *grown);
            if (!grown) {
                free(copy);
                return;
            }
            h->segments = grown;
            h->places = places;
        }
        place = h->segments + h->waiting++;
    } else {
        h->waiting_bytes -= place->size;
        free(place->data);
    }
    memcpy(copy, k->payload, k->payload_size);
    place->seq = seq;
    place->size = k->payload_size;
    place->data = copy;
    rp_origin_of(&place->from, k);
    h->waiting_bytes += place->size;
}

/* Moves waiting segments that touch the end of ``data`` into it, nearest first. */
static void rp_join(rp_head *h, uint32_t base) {
    while (h->waiting && h->size < RP_FLOW_BYTES) {
        uint32_t best = 0, skip;
        int64_t gap;
        rp_segment taken;
        for (uint32_t i = 1; i < h->waiting; i++)
            if (rp_distance(h->segments[i].seq, base) < rp_distance(h->segments[best].seq, base)) best = i;
        taken = h->segments[best];
        gap = (int64_t)rp_distance(taken.seq, base) - h->size;
        if (gap > 0) return;
        h->segments[best] = h->segments[--h->waiting];
        h->waiting_bytes -= taken.size;
        skip = -gap < taken.size ? (uint32_t)-gap : taken.size;
        rp_append(h, taken.data + skip, taken.size - skip, &taken.from);
        free(taken.data);
    }
}

/* Takes in the payload of ``k``: 1 when flow->head holds bytes to be looked at. */
static int rp_feed(rp_flow *flow, const rp_pkt *k) {
    uint32_t seq = k->seq;
    rp_head *h;
    if (flow->done) return 0;
    if ((k->flags & 0x17) == 2) seq++;  /* data on a SYN follows it (RFC 7413) */
    if (!flow->has_base) {  /* capture began in mid-flow, or a proxy or STARTTLS spoke first: a hello may still come */
        if (k->payload_size >= 6 && rp_looks_like_hello(k->payload, k->payload_size)) {
            flow->has_base = 1;
            flow->base = seq;
        } else if (!flow->spent && (!flow->head || flow->head->waiting < RP_EARLY)) {
            h = rp_head_of(flow);
            if (h) rp_store(h, seq, k, RP_EARLY, 0);
            return 0;
        } else {
            flow->spent = 1;
            rp_clear(flow);
            return 0;
        }
    }
    h = rp_head_of(flow);
    if (!h) return 0;
    if (!h->waiting && rp_distance(seq, flow->base) == (int32_t)h->size) {
        rp_origin from;
        rp_origin_of(&from, k);
        rp_append(h, k->payload, k->payload_size, &from);
    } else {
        rp_store(h, seq, k, RP_SEGMENTS, 1);
        rp_join(h, flow->base);
    }
    return h->size > 0;
}

/* Takes ``size`` bytes off the front; what is left came with ``k``. */
static void rp_pass(rp_flow *flow, uint32_t size, const rp_pkt *k) {
    rp_head *h = flow->head;
    if (size > h->size) size = h->size;
    h->size -= size;
    if (size) memmove(h->data, h->data + size, h->size);
    h->record = h->message = 0;
    if (!h->size) {
        free(h->data);
        h->data = NULL;
        h->room = 0;
    }
    flow->base += size;
    rp_origin_of(&h->first, k);
}

/* The first hello of a stream. Whole: the caller gives it, then passes it. */
static enum rp_tls rp_first(rp_flow *flow, uint32_t *claim) {
    rp_head *h = flow->head;
    enum rp_tls got;
    if (!rp_looks_like_hello(h->data, h->size < 6 ? h->size : 6)) {
        rp_clear(flow);
        return RP_TLS_NOTHING;
    }
    got = rp_message(h, claim);
    return got == RP_TLS_NOTHING && h->size >= RP_FLOW_BYTES ? RP_TLS_NOT_WHOLE : got;
}

/* The hello after a HelloRetryRequest (RFC 8446, 4.1.4); with any other record the handshake has gone on. Whole: the
 * caller gives it. ``over``: nothing more is to come. */
static enum rp_tls rp_second(rp_flow *flow, const rp_pkt *k, uint32_t *claim, int *over) {
    static const uint8_t change[6] = {0x14, 3, 3, 0, 1, 1};  /* said before it, for middleboxes (appendix D.4) */
    rp_head *h = flow->head;
    uint32_t head;
    *over = 0;
    if (!h->changed && h->size >= 6 && !memcmp(h->data, change, 6)) {
        h->changed = 1;
        rp_pass(flow, 6, k);
    }
    head = h->size < 6 ? h->size : 6;
    if (!head || (head < 6 && !h->changed && !memcmp(h->data, change, head))) return RP_TLS_NOTHING;
    *over = 1;
    if (rp_looks_like_hello(h->data, head)) {
        enum rp_tls got = rp_message(h, claim);
        if (got == RP_TLS_WHOLE) return got;
        if (got == RP_TLS_NOTHING && h->size < RP_AGAIN_BYTES) *over = 0;
    }
    return RP_TLS_NOTHING;
}

/* Where the TLS record ends that completes the message at the front. */
static uint32_t rp_record_end(const rp_head *h) {
    uint32_t end = h->record;
    if (h->message < 4 + h->claim) end += 5 + rp_be16(h->data + h->record + 3);
    return end < h->size ? end : h->size;
}

/* Copies the body of the whole message in ``h``, ``claim`` bytes, to ``out``. */
static void rp_body(const rp_head *h, uint32_t claim, uint8_t *out) {
    uint32_t at = 0, passed = 0;  /* of the message with its header of four bytes */
    while (at + 5 <= h->size && passed < claim + 4) {
        uint32_t size = rp_be16(h->data + at + 3), i = 0, n;
        if (size > h->size - at - 5) size = h->size - at - 5;
        if (passed < 4) i = 4 - passed < size ? 4 - passed : size;
        passed += i;
        n = size - i < claim + 4 - passed ? size - i : claim + 4 - passed;
        if (n && passed >= 4) memcpy(out + (passed - 4), h->data + at + 5 + i, n);
        passed += n;
        at += 5 + rp_be16(h->data + at + 3);
    }
}

#endif
