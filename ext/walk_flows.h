/* The TCP streams of a capture, in one pool behind a hash table; the longest unseen is dropped first. The twin is
 * fingerprint/capture/reassembly.py, rule for rule. */
#ifndef RACKPRINT_WALK_FLOWS_H
#define RACKPRINT_WALK_FLOWS_H

#include "walk_layers.h"

#define RP_FLOWS 65536u
#define RP_BUCKETS (2 * RP_FLOWS)
#define RP_FLOW_BYTES 65536u
#define RP_AGAIN_BYTES 16384u  /* of a second hello */
#define RP_TOTAL_BYTES (16u << 20)
#define RP_SEGMENTS 256u  /* waiting for a gap to close */
#define RP_WAITING 131072u  /* the same of all flows: one of a byte costs as much memory as one of a hundred */
#define RP_EARLY 4u       /* segments without a known start that wait for it */
#define RP_MAX_HELLO 65536u
#define RP_NIL 0xFFFFFFFFu

enum rp_tls { RP_TLS_NOTHING, RP_TLS_WHOLE, RP_TLS_CLAIMS, RP_TLS_NO_RECORD, RP_TLS_EMPTY, RP_TLS_NOT_WHOLE };

/* Where a segment came from: what the packet of a hello needs to be one again. */
typedef struct {
    int64_t time;
    uint64_t offset;
    uint8_t macs, mac_src[6], mac_dst[6];
} rp_origin;

typedef struct {
    uint32_t seq, size;
    uint8_t *data;
    rp_origin from;
} rp_segment;

typedef struct {
    uint8_t *data;
    uint32_t size, room;
    uint32_t record, message, claim;  /* where the TLS record in work begins; bytes of the message before it, and in all */
    uint32_t waiting, places, waiting_bytes;
    rp_segment *segments;
    rp_origin first;
    int said, drawn, changed; /* the first hello was given, and had a random; a ChangeCipherSpec record was passed */
    uint8_t random[32];
} rp_head;

typedef struct {
    uint8_t key[37];  /* both addresses, both ports, the IP version */
    uint8_t has_isn, has_base, done, begun, spent;
    uint32_t isn, base, hash, chain, newer, older;
    rp_head *head;
} rp_flow;

typedef struct {
    rp_flow *pool;
    uint32_t *buckets;
    uint32_t count, limit, free, fresh, newest, oldest;  /* fresh: places of the pool never used */
    uint64_t held, waiting, total, seed, dropped, unfinished;
} rp_flows;

static inline int32_t rp_distance(uint32_t seq, uint32_t base) { return (int32_t)(seq - base); }

static inline uint64_t rp_mix(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint32_t rp_hash(uint64_t seed, const uint8_t *key, size_t size) {
    uint64_t word, hash = seed ^ 0x9E3779B97F4A7C15ull;
    for (; size >= 8; key += 8, size -= 8) {
        memcpy(&word, key, 8);
        hash = rp_mix(hash ^ word, 0xD6E8FEB86659FD93ull);
    }
    word = 0;
    memcpy(&word, key, size);
    hash = rp_mix(hash ^ word ^ seed, 0xA0761D6478BD642Full);
    return (uint32_t)(hash ^ hash >> 32);
}

static void rp_clear(rp_flow *flow) {
    rp_head *head = flow->head;
    flow->has_base = 0;
    if (!head) return;
    for (uint32_t i = 0; i < head->waiting; i++) free(head->segments[i].data);
    free(head->segments);
    free(head->data);
    free(head);
    flow->head = NULL;
}

static inline uint64_t rp_held(const rp_flow *flow) {
    return flow->head ? (uint64_t)flow->head->size + flow->head->waiting_bytes : 0;
}

static inline uint32_t rp_waiting(const rp_flow *flow) { return flow->head ? flow->head->waiting : 0; }

static inline void rp_unlink(rp_flows *t, rp_flow *flow) {
    if (flow->newer != RP_NIL) t->pool[flow->newer].older = flow->older;
    else t->newest = flow->older;
    if (flow->older != RP_NIL) t->pool[flow->older].newer = flow->newer;
    else t->oldest = flow->newer;
}

static inline void rp_push(rp_flows *t, rp_flow *flow) {
    uint32_t index = (uint32_t)(flow - t->pool);
    flow->newer = RP_NIL;
    flow->older = t->newest;
    if (t->newest != RP_NIL) t->pool[t->newest].newer = index;
    else t->oldest = index;
    t->newest = index;
}

static void rp_drop(rp_flows *t, rp_flow *flow) {
    uint32_t *link = t->buckets + flow->hash % RP_BUCKETS, index = (uint32_t)(flow - t->pool);
    while (*link != index) link = &t->pool[*link].chain;
    *link = flow->chain;
    rp_unlink(t, flow);
    t->held -= rp_held(flow);
    t->waiting -= rp_waiting(flow);
    rp_clear(flow);
    flow->chain = t->free;
    t->free = index;
    t->count--;
}

static void rp_evict(rp_flows *t) {
    rp_flow *flow = t->pool + t->oldest;
    t->dropped++;
    if (rp_held(flow)) t->unfinished++;
    rp_drop(t, flow);
}

static void rp_flow_key(uint8_t key[37], const rp_pkt *k) {
    memcpy(key, k->src, 16);
    memcpy(key + 16, k->dst, 16);
    memcpy(key + 32, &k->sport, 2);
    memcpy(key + 34, &k->dport, 2);
    key[36] = k->version;
}

static rp_flow *rp_lookup(rp_flows *t, const uint8_t key[37], uint32_t hash) {
    uint32_t index = t->buckets[hash % RP_BUCKETS];
    while (index != RP_NIL) {
        rp_flow *flow = t->pool + index;
        if (flow->hash == hash && !memcmp(flow->key, key, 37)) return flow;
        index = flow->chain;
    }
    return NULL;
}

static rp_flow *rp_new_flow(rp_flows *t, const uint8_t key[37], uint32_t hash) {
    rp_flow *flow;
    uint32_t index;
    while (t->count >= t->limit) rp_evict(t);
    if (t->free != RP_NIL) {
        index = t->free;
        t->free = t->pool[index].chain;
    } else {
        index = t->fresh++;
    }
    flow = t->pool + index;
    memset(flow, 0, sizeof *flow);
    memcpy(flow->key, key, 37);
    flow->hash = hash;
    flow->chain = t->buckets[hash % RP_BUCKETS];
    t->buckets[hash % RP_BUCKETS] = index;
    rp_push(t, flow);
    t->count++;
    return flow;
}

#endif
