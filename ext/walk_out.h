/* What the walk hands over: packets and hellos that were copied out, and samples of timestamps. */
#ifndef RACKPRINT_WALK_OUT_H
#define RACKPRINT_WALK_OUT_H

#include "walk_fragments.h"
#include "walk_hello.h"

#define RP_PAIRS 32768u     /* (source, destination) whose timestamps are sampled; four to a set */
#define RP_HOSTS 16384u     /* IPv6 sources told once; four to a set */
#define RP_OUT_ITEMS 2048u  /* handed over at a time, or so many bytes */
#define RP_OUT_BYTES (1u << 19)
#define RP_SOON 4  /* the first batch is half as large so many times: somebody waits for it */
#define RP_LATEST (1ll << 62)  /* nanoseconds; a file may claim times past it */
#define RP_STAMPS 131072u  /* samples handed over at a time */

enum rp_what { RP_PACKET, RP_HELLO, RP_MANAGEMENT, RP_RAW, RP_TLS_FAULT, RP_FULL = 100 };

typedef struct {
    uint8_t what, again, fault;
    uint32_t claim, link;
    uint64_t at;  /* in the arena: network, transport, payload follow each other */
    rp_pkt k;
} rp_item;

typedef struct {  /* four pairs, in one line of the cache: most packets ask only when the last sample was */
    uint32_t tag[4], batch[4];  /* tag 0: free */
    int64_t last[4];
} rp_pairs;

typedef struct { uint8_t key[33]; uint32_t index; } rp_pair;

typedef struct { uint32_t pair, value; int64_t time; uint64_t offset; } rp_stamp;

typedef struct {
    rp_frames frames;
    rp_fragments fragments;
    rp_flows flows;
    rp_pairs *sets;
    rp_pair *pairs;
    uint8_t (*hosts)[16];
    rp_item *items;
    uint32_t count, room;
    uint8_t *arena;
    uint64_t filled, space;
    rp_item *spare_items;  /* of a batch that was read, for the next one */
    uint8_t *spare_arena;
    uint32_t spare_room;
    uint64_t spare_space;
    rp_stamp *stamps;
    uint8_t (*ends)[33];  /* the pairs of this batch of stamps */
    uint32_t stamped, paired, batch, soon;
    uint64_t packets, cut, cut_first, poor;  /* poor: left out because memory ran out */
} rp_walker;

static void rp_free(rp_walker *w) {
    if (w->fragments.all)
        for (int i = 0; i < RP_DATAGRAMS; i++) rp_forget(w->fragments.all + i);
    while (w->flows.pool && w->flows.count) rp_drop(&w->flows, w->flows.pool + w->flows.oldest);
    free(w->frames.interfaces);
    free(w->fragments.all);
    free(w->flows.pool);
    free(w->flows.buckets);
    free(w->sets);
    free(w->pairs);
    free(w->hosts);
    free(w->items);
    free(w->arena);
    free(w->spare_items);
    free(w->spare_arena);
    free(w->stamps);
    free(w->ends);
    memset(w, 0, sizeof *w);
}

/* 0: no memory. ``flows`` and ``total`` are the limits of the flow table. */
static int rp_init(rp_walker *w, uint32_t flows, uint64_t total, uint64_t seed) {
    memset(w, 0, sizeof *w);
    w->fragments.all = (rp_datagram *)calloc(RP_DATAGRAMS, sizeof(rp_datagram));
    w->flows.pool = (rp_flow *)malloc((size_t)flows * sizeof(rp_flow));
    w->flows.buckets = (uint32_t *)malloc(RP_BUCKETS * sizeof(uint32_t));
    w->sets = (rp_pairs *)aligned_alloc(sizeof(rp_pairs), RP_PAIRS / 4 * sizeof(rp_pairs));
    w->pairs = (rp_pair *)malloc(RP_PAIRS * sizeof(rp_pair));
    w->hosts = (uint8_t (*)[16])calloc(RP_HOSTS, 16);
    w->stamps = (rp_stamp *)malloc(RP_STAMPS * sizeof(rp_stamp));
    w->ends = (uint8_t (*)[33])malloc(RP_STAMPS * 33);
    w->batch = 1;
    w->soon = RP_SOON;
    if (!w->fragments.all || !w->flows.pool || !w->flows.buckets || !w->sets || !w->pairs || !w->hosts || !w->stamps || !w->ends) {
        rp_free(w);
        return 0;
    }
    memset(w->sets, 0, RP_PAIRS / 4 * sizeof(rp_pairs));
    w->flows.limit = flows;
    w->flows.total = total;
    w->flows.seed = seed;
    w->flows.newest = w->flows.oldest = RP_NIL;
    memset(w->flows.buckets, 0xFF, RP_BUCKETS * sizeof(uint32_t));
    w->flows.free = RP_NIL;
    w->flows.fresh = 0;
    return 1;
}

/* A place for an item with ``size`` bytes of its own; NULL where memory ran out. */
static rp_item *rp_item_new(rp_walker *w, enum rp_what what, const rp_pkt *k, uint64_t size) {
    rp_item *item;
    if (w->count == w->room) {
        uint32_t room = w->room ? 2 * w->room : 64;
        rp_item *grown = (rp_item *)realloc(w->items, (size_t)room * sizeof(rp_item));
        if (!grown) { w->poor++; return NULL; }
        w->items = grown;
        w->room = room;
    }
    if (!w->arena || w->filled + size > w->space) {
        uint64_t space = w->space ? w->space : 1 << 16;
        uint8_t *grown;
        while (space < w->filled + size) space *= 2;
        grown = (uint8_t *)realloc(w->arena, space);
        if (!grown) { w->poor++; return NULL; }
        w->arena = grown;
        w->space = space;
    }
    item = w->items + w->count++;
    item->what = (uint8_t)what;
    item->again = item->fault = 0;
    item->claim = item->link = 0;
    item->k = *k;
    item->at = w->filled;
    w->filled += size;
    return item;
}

static void rp_emit(rp_walker *w, const rp_pkt *k) {
    rp_item *item = rp_item_new(w, RP_PACKET, k, (uint64_t)k->net_size + k->transport_size + k->payload_size);
    uint8_t *to;
    if (!item) return;
    to = w->arena + item->at;
    memcpy(to, k->net, k->net_size);
    if (k->transport_size) memcpy(to + k->net_size, k->transport, k->transport_size);
    if (k->payload_size) memcpy(to + k->net_size + k->transport_size, k->payload, k->payload_size);
}

static void rp_emit_bytes(rp_walker *w, enum rp_what what, const rp_pkt *k, uint32_t link, const uint8_t *p, uint32_t n) {
    rp_item *item = rp_item_new(w, what, k, n);
    if (!item) return;
    item->link = link;
    item->k.net_size = item->k.transport_size = 0;
    item->k.payload_size = n;
    if (n) memcpy(w->arena + item->at, p, n);
}

static void rp_emit_hello(rp_walker *w, const rp_pkt *k, const rp_flow *flow, uint32_t claim) {
    rp_head *h = flow->head;
    rp_item *item = rp_item_new(w, RP_HELLO, k, claim);
    const rp_origin *first = &flow->head->first;
    if (!item) return;
    rp_body(h, claim, w->arena + item->at);
    if (claim >= 34) {
        const uint8_t *random = w->arena + item->at + 2;  /* a client that is asked again keeps it */
        item->again = h->drawn && !memcmp(random, h->random, 32);
        h->drawn = 1;
        memcpy(h->random, random, 32);
    }
    item->k.time = first->time;
    item->k.offset = first->offset;
    item->k.macs = first->macs;
    memcpy(item->k.mac_src, first->mac_src, 6);
    memcpy(item->k.mac_dst, first->mac_dst, 6);
    item->k.net_size = item->k.transport_size = 0;
    item->k.payload_size = claim;
}

#endif
