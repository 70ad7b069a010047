/* From a captured frame to TCP or UDP: link layers, tunnels, IP. packets_scapy.py is the twin.
 * Sources: LINKTYPE list of tcpdump.org; IEEE 802.1Q, 802.2, 802.11; RFC 791, 8200, 4302, 2784, 2890, 2637, 7348, 3032,
 * 2516, 1661; radiotap.org. Every read is checked against ``n``, the bytes left. */
#ifndef RACKPRINT_WALK_LAYERS_H
#define RACKPRINT_WALK_LAYERS_H

#include "walk_frames.h"

#define RP_DEPTH 16  /* layers; honest captures (VLAN in GRE in IPv6 ...) stay under 10 */

enum rp_kind { RP_NOTHING, RP_TRANSPORT, RP_OTHER_IP, RP_FRAME, RP_FRAGMENT, RP_CUT, RP_UNKNOWN_LINK };

typedef struct {
    int64_t time;
    uint64_t offset;
    uint8_t src[16], dst[16];  /* IPv4: the first four */
    uint16_t sport, dport;
    uint32_t seq;
    uint8_t version, proto, flags, macs;  /* macs: 1 the sender's is known, 2 the receiver's */
    uint8_t mac_src[6], mac_dst[6];
    const uint8_t *net, *transport, *payload;
    uint32_t net_size, transport_size, payload_size;
} rp_pkt;

/* A piece of a datagram, for the fragment table. */
typedef struct {
    uint32_t id, at, size;
    int more;
    const uint8_t *data;
} rp_piece;

enum rp_layer { L_ETHER, L_TYPE, L_LLC, L_IP, L_IP4, L_IP6, L_PROTO, L_PPP, L_PPPOE, L_MPLS, L_GRE, L_WIFI, L_DONE };

static enum rp_layer rp_by_type(uint16_t type) {
    switch (type) {
    case 0x0800: return L_IP4;
    case 0x86DD: return L_IP6;
    case 0x8847: case 0x8848: return L_MPLS;
    case 0x8864: return L_PPPOE;
    case 0x880B: return L_PPP;
    case 0x6558: return L_ETHER;
    default: return L_DONE;
    }
}

/* Radiotap: how long it is, and the flags of the frame behind it (0x10 a check sequence follows, 0x20 the header is
 * padded to 4 bytes). 0 where it does not fit. */
static uint32_t rp_radiotap(const uint8_t *p, uint32_t n, uint8_t *flags) {
    uint32_t size, at = 4, present;
    *flags = 0;
    if (n < 8) return 0;
    size = rp_u16(p + 2, 0);
    if (size < 8 || size > n) return 0;
    present = rp_u32(p + 4, 0);
    do {
        at += 4;
        if (at > size) return 0;
    } while (at + 4 <= size && rp_u32(p + at - 4, 0) & 0x80000000u);
    if (present & 1) at = (at + 7) / 8 * 8 + 8;
    if (present & 2 && at < size) *flags = p[at];
    return size;
}

/* 802.11: a data frame is stepped into, a probe request is handed out whole. */
static enum rp_kind rp_wifi(rp_pkt *k, const uint8_t **at, uint32_t *left, uint8_t radio, enum rp_layer *layer) {
    const uint8_t *p = *at, *from, *to;
    uint32_t n = *left, head = 24;
    uint8_t type, ds;
    if (radio & 0x10) n = n >= 4 ? n - 4 : 0;
    if (n < 2) return n ? RP_CUT : RP_NOTHING;
    type = p[0] & 0xFC;
    if (type == 0x40) {
        if (n < 24) return RP_CUT;
        k->payload = p;
        k->payload_size = n;
        return RP_FRAME;
    }
    if ((type & 0x0C) != 0x08 || type & 0x40 || p[1] & 0x40) return RP_NOTHING;  /* no data, null data, encrypted */
    ds = p[1] & 3;
    if (ds == 3) head = 30;
    if (n < head) return RP_CUT;
    from = ds == 3 ? p + 24 : ds == 2 ? p + 16 : p + 10;
    to = ds & 1 ? p + 16 : p + 4;
    memcpy(k->mac_src, from, 6);
    memcpy(k->mac_dst, to, 6);
    k->macs = 3;
    if (type & 0x80) {
        if (n < head + 2) return RP_CUT;
        if (p[head] & 0x80) return RP_NOTHING;  /* several in one (A-MSDU) */
        head += 2;
        if (p[1] & 0x80) head += 4;
    }
    if (radio & 0x20) head = (head + 3) / 4 * 4;
    if (n < head) return RP_CUT;
    *at = p + head;
    *left = n - head;
    *layer = L_LLC;
    return RP_TRANSPORT;
}

/* The first layer of a frame by its link type, with what stands before it taken off. */
static enum rp_kind rp_link(rp_pkt *k, uint32_t link, const uint8_t **at, uint32_t *left, enum rp_layer *layer,
                            uint16_t *type) {
    const uint8_t *p = *at;
    uint32_t n = *left, head = 0;
    uint8_t radio = 0;
    if (link == 192) {  /* PPI */
        if (n < 8) return n ? RP_CUT : RP_NOTHING;
        head = rp_u16(p + 2, 0);
        link = rp_u32(p + 4, 0);
        if (head < 8 || head > n || link == 192) return RP_CUT;
        p += head;
        n -= head;
    }
    *at = p;
    *left = n;
    if (!n) return RP_NOTHING;
    head = 0;
    switch (link) {
    case 1: *layer = L_ETHER; return RP_TRANSPORT;
    case 12: case 14: case 101: case 228: case 229: *layer = L_IP; return RP_TRANSPORT;
    case 0: case 108: head = 4; *layer = L_IP; break;  /* each system has its own number for IPv6: the header tells */
    case 9: case 50: *layer = L_PPP; return RP_TRANSPORT;
    case 51: *layer = L_PPPOE; return RP_TRANSPORT;
    case 113:
    case 276:
        head = link == 113 ? 16 : 20;
        if (n < head) return RP_CUT;
        if ((link == 113 ? rp_be16(p + 4) : p[11]) == 6) {
            memcpy(k->mac_src, p + (link == 113 ? 6 : 12), 6);
            k->macs = 1;
        }
        *type = rp_be16(link == 113 ? p + 14 : p);
        *layer = *type == 4 ? L_LLC : L_TYPE;
        break;
    case 127:
        head = rp_radiotap(p, n, &radio);
        if (!head) return RP_CUT;
        *at = p + head;
        *left = n - head;
        return rp_wifi(k, at, left, radio, layer);
    case 105: return rp_wifi(k, at, left, 0, layer);
    default: return RP_UNKNOWN_LINK;
    }
    if (n < head) return RP_CUT;
    *at = p + head;
    *left = n - head;
    return RP_TRANSPORT;
}

static enum rp_kind rp_ports(rp_pkt *k, const uint8_t *p, uint32_t n) {
    uint32_t head, size;
    if (!n) return RP_NOTHING;
    if (k->proto == 6) {
        if (n < 20) return RP_CUT;
        head = (uint32_t)(p[12] >> 4) * 4;
        if (head < 20) return RP_CUT;
        if (head > n) head = n;  /* options cut off; p0f reads what there is too */
        k->flags = p[13];
        k->seq = rp_be32(p + 4);
        size = n - head;
    } else {
        if (n < 8) return RP_CUT;
        head = 8;
        size = rp_be16(p + 4);
        size = size < 8 || size > n ? n - 8 : size - 8;
        k->flags = 0;
        k->seq = 0;
    }
    k->sport = rp_be16(p);
    k->dport = rp_be16(p + 2);
    k->transport = p;
    k->transport_size = head;
    k->payload = p + head;
    k->payload_size = size;
    return RP_TRANSPORT;
}

/* VXLAN (RFC 7348): an Ethernet frame in UDP, told by its port and its only valid flag. */
static int rp_is_vxlan(const rp_pkt *k) {
    return k->proto == 17 && k->dport == 4789 && k->payload_size > 8 + 14 && k->payload[0] == 0x08 &&
           !k->payload[1] && !k->payload[2] && !k->payload[3] && !k->payload[7];
}

static enum rp_kind rp_gre(const uint8_t **at, uint32_t *left, enum rp_layer *layer, uint16_t *type) {
    const uint8_t *p = *at;
    uint32_t n = *left, head = 4;
    if (n < 4) return RP_CUT;
    if (p[0] & 0x40 || (p[1] & 7) > 1) return RP_NOTHING;  /* source routes (RFC 1701) are long gone */
    if (p[0] & 0x80) head += 4;
    if (p[0] & 0x20) head += 4;
    if (p[0] & 0x10) head += 4;
    if ((p[1] & 7) == 1 && p[1] & 0x80) head += 4;  /* PPTP's acknowledgement */
    if (n < head) return RP_CUT;
    *type = rp_be16(p + 2);
    *layer = L_TYPE;
    *at = p + head;
    *left = n - head;
    return RP_TRANSPORT;
}

/* Walks the layers of a frame inwards. RP_TRANSPORT: ``k`` is a TCP or UDP packet; RP_OTHER_IP: the innermost header is
 * IP with something else in it; RP_FRAGMENT: ``piece`` is part of the datagram that ``k`` heads. */
static enum rp_kind rp_walk(rp_pkt *k, enum rp_layer layer, uint16_t type, const uint8_t *p, uint32_t n, int depth,
                            rp_piece *piece) {
    uint32_t size, head;
    uint8_t proto = k->proto;
    for (; depth < RP_DEPTH; depth++) {
        if (!n && layer != L_PROTO) return RP_NOTHING;
        switch (layer) {
        case L_ETHER:
            if (n < 14) return RP_CUT;
            memcpy(k->mac_dst, p, 6);
            memcpy(k->mac_src, p + 6, 6);
            k->macs = 3;
            type = rp_be16(p + 12);
            p += 14;
            n -= 14;
            layer = L_TYPE;
            __attribute__((fallthrough));  /* the type is no layer of its own */
        case L_TYPE:
            if (type <= 1500) {
                if (type && type < n) n = type;
                layer = L_LLC;
            } else if (type == 0x8100 || type == 0x88A8 || type == 0x9100 || type == 0x9200) {
                if (n < 4) return n ? RP_CUT : RP_NOTHING;
                type = rp_be16(p + 2);
                p += 4;
                n -= 4;
            } else if (type == 0x8926) {  /* VN-Tag */
                if (n < 6) return n ? RP_CUT : RP_NOTHING;
                type = rp_be16(p + 4);
                p += 6;
                n -= 6;
            } else {
                layer = rp_by_type(type);
            }
            break;
        case L_LLC:
            if (n < 8 || p[0] != 0xAA || p[1] != 0xAA || p[2] != 3) return RP_NOTHING;
            type = rp_be16(p + 6);
            if (type <= 1500) return RP_NOTHING;
            p += 8;
            n -= 8;
            layer = L_TYPE;
            break;
        case L_PPP:
            if (n >= 2 && p[0] == 0xFF && p[1] == 3) p += 2, n -= 2;
            if (n < 2) return RP_CUT;
            if (p[0] & 1) type = p[0], p++, n--;  /* a compressed protocol field */
            else type = rp_be16(p), p += 2, n -= 2;
            layer = type == 0x21 ? L_IP4 : type == 0x57 ? L_IP6 : L_DONE;
            break;
        case L_PPPOE:
            if (n < 6) return RP_CUT;
            if (p[0] != 0x11 || p[1]) return RP_NOTHING;
            size = rp_be16(p + 4);
            p += 6;
            n -= 6;
            if (size < n) n = size;
            layer = L_PPP;
            break;
        case L_MPLS:
            if (n < 4) return RP_CUT;
            if (p[2] & 1) layer = L_IP;
            p += 4;
            n -= 4;
            break;
        case L_GRE: {
            enum rp_kind got = rp_gre(&p, &n, &layer, &type);
            if (got != RP_TRANSPORT) return got;
            break;
        }
        case L_IP:
            layer = p[0] >> 4 == 4 ? L_IP4 : p[0] >> 4 == 6 ? L_IP6 : L_DONE;
            if (layer == L_DONE) return RP_NOTHING;
            break;
        case L_IP4:
            if (n < 20) return RP_CUT;
            head = (uint32_t)(p[0] & 15) * 4;
            if (p[0] >> 4 != 4) return RP_CUT;
            if (head < 20 || head > n) return RP_CUT;
            size = rp_be16(p + 2);
            if (size >= head && size < n) n = size;  /* 0: cut for the network card to fill in */
            memset(k->src, 0, 16);
            memset(k->dst, 0, 16);
            memcpy(k->src, p + 12, 4);
            memcpy(k->dst, p + 16, 4);
            k->version = 4;
            k->net = p;
            k->net_size = head;
            proto = p[9];
            k->proto = proto;
            if (rp_be16(p + 6) & 0x3FFF) {
                piece->id = rp_be16(p + 4);
                piece->at = (uint32_t)(rp_be16(p + 6) & 0x1FFF) * 8;
                piece->more = (p[6] & 0x20) != 0;
                piece->data = p + head;
                piece->size = n - head;
                return RP_FRAGMENT;
            }
            p += head;
            n -= head;
            layer = L_PROTO;
            break;
        case L_IP6:
            if (n < 40) return RP_CUT;
            if (p[0] >> 4 != 6) return RP_CUT;
            size = rp_be16(p + 4);
            if (size && size + 40 < n) n = size + 40;  /* 0: a jumbogram, or as above */
            memcpy(k->src, p + 8, 16);
            memcpy(k->dst, p + 24, 16);
            k->version = 6;
            k->net = p;
            k->net_size = 40;
            proto = p[6];
            k->proto = proto;
            p += 40;
            n -= 40;
            layer = L_PROTO;
            break;
        case L_PROTO:
            k->proto = proto;
            switch (proto) {
            case 6: case 17: {
                enum rp_kind got = rp_ports(k, p, n);
                if (got != RP_TRANSPORT || !rp_is_vxlan(k)) return got;
                n = k->payload_size - 8;
                p = k->payload + 8;
                layer = L_ETHER;
                break;
            }
            case 4: layer = L_IP4; break;
            case 41: layer = L_IP6; break;
            case 47: layer = L_GRE; break;
            case 0: case 43: case 60: case 135: case 51:
                if (k->version == 4 && proto != 51) return RP_OTHER_IP;
                if (n < 8) return n ? RP_CUT : RP_NOTHING;
                head = proto == 51 ? ((uint32_t)p[1] + 2) * 4 : ((uint32_t)p[1] + 1) * 8;
                if (head > n) return RP_CUT;
                proto = p[0];
                k->net_size += head;
                p += head;
                n -= head;
                break;
            case 44:
                if (k->version == 4) return RP_OTHER_IP;
                if (n < 8) return n ? RP_CUT : RP_NOTHING;
                k->net_size += 8;
                proto = p[0];
                k->proto = proto;
                if (rp_be16(p + 2) & 0xFFF9) {
                    piece->id = rp_be32(p + 4);
                    piece->at = rp_be16(p + 2) & 0xFFF8;
                    piece->more = p[3] & 1;
                    piece->data = p + 8;
                    piece->size = n - 8;
                    return RP_FRAGMENT;
                }
                p += 8;
                n -= 8;
                break;
            default: return RP_OTHER_IP;
            }
            break;
        default: return RP_NOTHING;
        }
    }
    return RP_NOTHING;
}

#endif
