/* Which packets of a capture anyone needs: those are copied out, the rest costs no object. The rules are what
 * ``find`` of fingerprint/capture/events.py looks at; tests hold both readers to the same events. */
#ifndef RACKPRINT_WALK_PICK_H
#define RACKPRINT_WALK_PICK_H

#include "walk_out.h"

#define RP_SAMPLE 1000000000ll

static int rp_is_request(const uint8_t *p, uint32_t n) {
    static const char *const methods[] = {"GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ",
                                          "TRACE "};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        size_t size = strlen(methods[i]);
        if (n >= size && p[0] == (uint8_t)methods[i][0] && !memcmp(p, methods[i], size)) return 1;
    }
    return 0;
}

/* The timestamp option of a TCP header: its value, 0 for none (RFC 7323). */
static uint32_t rp_tsval(const uint8_t *tcp, uint32_t size) {
    uint32_t at = 20;
    if (size >= 32 && rp_be32(tcp + 20) == 0x0101080Au) return rp_be32(tcp + 24);
    while (at < size) {
        uint32_t length;
        if (tcp[at] == 0) return 0;
        if (tcp[at] == 1) { at++; continue; }
        if (at + 1 >= size) return 0;
        length = tcp[at + 1];
        if (length < 2 || at + length > size) return 0;
        if (tcp[at] == 8 && length == 10) return rp_be32(tcp + at + 2);
        at += length;
    }
    return 0;
}

/* Where no seed moves them, pairs drive out the same others in every run. */
static void rp_sample(rp_walker *w, const rp_pkt *k) {
    uint32_t value = rp_tsval(k->transport, k->transport_size), hash, place = 0;
    uint8_t key[33];
    rp_pairs *set;
    rp_pair *pair;
    if (!value || k->time > RP_LATEST || w->stamped >= RP_STAMPS) return;
    memcpy(key, k->src, 16);
    memcpy(key + 16, k->dst, 16);
    key[32] = k->version;
    hash = rp_hash(0, key, 33);
    set = w->sets + hash % (RP_PAIRS / 4);
    for (uint32_t i = 0; i < 4; i++) {
        if (set->tag[i] == (hash | 1)) {
            int64_t passed = k->time - set->last[i];
            if (passed < RP_SAMPLE && passed > -RP_SAMPLE) return;
            place = i;
            break;
        }
        if (set->tag[place] && (!set->tag[i] || set->last[i] < set->last[place])) place = i;
    }
    pair = w->pairs + (set - w->sets) * 4 + place;
    if (set->tag[place] != (hash | 1) || memcmp(pair->key, key, 33)) {
        set->tag[place] = hash | 1;
        set->batch[place] = 0;
        memcpy(pair->key, key, 33);
    }
    set->last[place] = k->time;
    if (set->batch[place] != w->batch) {
        set->batch[place] = w->batch;
        pair->index = w->paired;
        memcpy(w->ends[w->paired++], key, 33);
    }
    w->stamps[w->stamped++] = (rp_stamp){pair->index, value, k->time, k->offset};
}

/* An address that holds a MAC (RFC 4291, appendix A) is handed over once, as a packet without a payload. */
static void rp_host(rp_walker *w, const rp_pkt *k) {
    uint8_t (*set)[16];
    rp_pkt bare;
    if (k->version != 6 || k->src[11] != 0xFF || k->src[12] != 0xFE) return;
    set = w->hosts + rp_hash(0, k->src, 16) % (RP_HOSTS / 4) * 4;
    for (int i = 0; i < 4; i++)
        if (!memcmp(set[i], k->src, 16)) return;
    memmove(set[1], set[0], 3 * 16);
    memcpy(set[0], k->src, 16);
    bare = *k;
    bare.transport_size = bare.payload_size = 0;
    bare.flags = 0;
    if (k->proto != 6 && k->proto != 17) bare.sport = bare.dport = 0, bare.seq = 0;
    rp_emit(w, &bare);
}

/* What the bytes at the front of a flow are: its hello, the one after a retry, none. */
static void rp_hello(rp_walker *w, const rp_pkt *k, rp_flow *flow) {
    uint32_t claim = 0;
    int over;
    if (!flow->head->said) {
        enum rp_tls got = rp_first(flow, &claim);
        if (got == RP_TLS_WHOLE) {
            rp_emit_hello(w, k, flow, claim);
            rp_pass(flow, rp_record_end(flow->head), k);
            flow->head->said = 1;
        } else if (got != RP_TLS_NOTHING) {
            rp_item *item = rp_item_new(w, RP_TLS_FAULT, k, 0);
            if (item) item->fault = (uint8_t)got, item->claim = claim;
            rp_clear(flow);
        }
    }
    if (!flow->head || !flow->head->said || !flow->head->size) return;
    if (rp_second(flow, k, &claim, &over) == RP_TLS_WHOLE) rp_emit_hello(w, k, flow, claim);
    if (over) {
        flow->done = 1;
        rp_clear(flow);
    }
}

static void rp_tcp(rp_walker *w, rp_pkt *k) {
    rp_flows *t = &w->flows;
    rp_flow *flow;
    uint8_t key[37];
    uint32_t hash;
    uint64_t held, waiting;
    int begins, opens = (k->flags & 0x17) == 2;
    rp_flow_key(key, k);
    hash = rp_hash(t->seed, key, 37);
    __builtin_prefetch(t->buckets + hash % RP_BUCKETS);
    if (k->transport_size >= 32 && !(k->flags & 4)) rp_sample(w, k);
    if (!opens && !k->payload_size) return;
    flow = rp_lookup(t, key, hash);
    if (opens && !(flow && flow->has_isn && flow->isn == k->seq)) {
        if (flow) rp_drop(t, flow);
        flow = rp_new_flow(t, key, hash);
        flow->has_isn = flow->has_base = 1;
        flow->isn = k->seq;
        flow->base = k->seq + 1;
        rp_emit(w, k);
    }
    if (!k->payload_size) return;
    begins = !flow || (flow->has_isn && !flow->begun && k->seq + (uint32_t)opens == flow->isn + 1);
    if (!flow) {
        flow = rp_new_flow(t, key, hash);
    } else if (flow->newer != RP_NIL) {
        rp_unlink(t, flow);
        rp_push(t, flow);
    }
    if (begins) {
        flow->begun = 1;
        if (!opens && rp_is_request(k->payload, k->payload_size)) rp_emit(w, k);
    }
    held = rp_held(flow);
    waiting = rp_waiting(flow);
    if (rp_feed(flow, k)) rp_hello(w, k, flow);
    t->held += rp_held(flow) - held;
    t->waiting += rp_waiting(flow) - waiting;
    while (t->held > t->total || t->waiting > RP_WAITING) rp_evict(t);
}

static inline int rp_is_service(uint16_t port) {
    return port == 53 || port == 5353 || port == 67 || port == 68 || port == 546 || port == 547;
}

/* A QUIC Initial (RFC 9000, 17.2.2; RFC 9369, 3.2; of drafts and Facebook's own too, so that they can be named) or a
 * DTLS ClientHello (RFC 6347, 4.1 and 4.2.2). */
static int rp_is_hello_datagram(const uint8_t *p, uint32_t n) {
    uint32_t version;
    if (n < 14) return 0;
    version = rp_be32(p + 1);
    if ((p[0] & 0xF0) == 0xC0)
        return version == 1 || version - 0xFF000001u < 34 || (version & 0xFFFFFF00u) == 0xFACEB000u;
    if ((p[0] & 0xF0) == 0xD0) return version == 0x6B3343CFu;
    return p[0] == 0x16 && p[1] == 0xFE && (p[2] == 0xFF || p[2] == 0xFD) && p[13] == 1;
}

static void rp_pick(rp_walker *w, rp_pkt *k) {
    if (k->proto == 6) rp_tcp(w, k);
    else if (k->payload_size && (rp_is_service(k->sport) || rp_is_service(k->dport) ||
                                 rp_is_hello_datagram(k->payload, k->payload_size)))
        rp_emit(w, k);
    rp_host(w, k);
}

/* What a datagram put together, or as much of it as there is, holds. */
static void rp_joined(rp_walker *w, const rp_datagram *d, uint32_t size) {
    rp_pkt k = d->head;
    rp_piece none;
    enum rp_kind got;
    if (!size) return;
    k.transport_size = k.payload_size = 0;
    got = rp_walk(&k, L_PROTO, 0, d->data, size, 1, &none);
    if (got == RP_TRANSPORT) rp_pick(w, &k);
    else if (got == RP_OTHER_IP) rp_host(w, &k);
}

static void rp_give_up(rp_walker *w, rp_datagram *d) {
    if (rp_prefix(d)) w->fragments.lost++;
    rp_joined(w, d, rp_prefix(d));
    rp_forget(d);
}

static enum rp_kind rp_piece_of(rp_walker *w, const rp_pkt *k, const rp_piece *piece) {
    rp_fragments *f = &w->fragments;
    rp_datagram *d = rp_find_datagram(f, k, piece->id);
    if (d && (k->time - d->head.time > RP_PATIENCE || d->head.time - k->time > RP_PATIENCE)) {
        rp_give_up(w, d);
        d = NULL;
    }
    if (!d) {
        d = rp_place(f);
        if (d->used) rp_give_up(w, d);
        rp_open(d, k, piece->id);
    }
    d->seen = ++f->clock;
    if (!rp_add_piece(d, k, piece)) return RP_CUT;
    if (rp_is_whole(d)) {
        rp_joined(w, d, d->total);
        rp_forget(d);
    }
    return RP_FRAGMENT;
}

static void rp_frame(rp_walker *w, const rp_record *r) {
    const uint8_t *p = r->data;
    uint32_t n = r->size;
    enum rp_layer layer = L_DONE;
    enum rp_kind got;
    uint16_t type = 0;
    rp_piece piece;
    rp_pkt k;
    memset(&k, 0, sizeof k);
    k.time = r->time;
    k.offset = r->offset;
    w->packets++;
    got = rp_link(&k, r->link, &p, &n, &layer, &type);
    if (got == RP_TRANSPORT) got = rp_walk(&k, layer, type, p, n, 1, &piece);
    if (got == RP_FRAGMENT) got = rp_piece_of(w, &k, &piece);
    switch (got) {
    case RP_TRANSPORT: rp_pick(w, &k); break;
    case RP_OTHER_IP: rp_host(w, &k); break;
    case RP_FRAME: rp_emit_bytes(w, RP_MANAGEMENT, &k, r->link, k.payload, k.payload_size); break;
    case RP_UNKNOWN_LINK: rp_emit_bytes(w, RP_RAW, &k, r->link, r->data, r->size); break;
    case RP_CUT: if (!w->cut++) w->cut_first = r->offset; break;
    default: break;
    }
}

static inline int rp_is_full(const rp_walker *w) {
    return w->count >= RP_OUT_ITEMS >> w->soon || w->filled >= RP_OUT_BYTES >> w->soon || w->stamped >= RP_STAMPS;
}

/* Walks records from ``p`` on. RP_NEED: *used were taken and *want bytes are wanted from there on; RP_GOT: full, the
 * items are to be taken; RP_WRONG, RP_LOST: frames.fault says what. */
static enum rp_step rp_run(rp_walker *w, const uint8_t *p, size_t n, size_t *used, size_t *want) {
    size_t at = 0, took;
    rp_record r;
    for (;;) {
        enum rp_step step;
        if (rp_is_full(w)) { *used = at; return RP_GOT; }
        step = rp_next(&w->frames, p + at, n - at, &took, &r);
        if (step == RP_NEED) { *used = at; *want = took; return RP_NEED; }
        at += took;
        if (step == RP_GOT) rp_frame(w, &r);
        if (step >= RP_WRONG) { *used = at; return step; }
    }
}

static void rp_finish(rp_walker *w) {
    for (int i = 0; i < RP_DATAGRAMS; i++)
        if (w->fragments.all[i].used) rp_give_up(w, w->fragments.all + i);
}

#endif
