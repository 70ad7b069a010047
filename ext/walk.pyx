# cython: language_level=3, boundscheck=False, wraparound=False
"""Walks a capture without the GIL and without an object for a packet that nobody needs.

The work is in the headers: walk_frames.h (records of pcap and pcapng), walk_layers.h (down to TCP and UDP),
walk_fragments.h, walk_flows.h (ClientHellos over TCP) and walk_pick.h (which packets are needed). The plain twin is
``rackprint.fingerprint.capture``: records, packets_scapy and reassembly. Every read there is checked against the bytes
left; every table has a hard limit.
"""

from array import array as new_array

from cpython.array cimport array, clone
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy, memmove
from posix.types cimport off_t
from posix.unistd cimport pread

cdef extern from "walk_pick.h" nogil:
    enum: RP_FLOWS, RP_TOTAL_BYTES, RP_STAMPS, RP_PACKET, RP_HELLO, RP_MANAGEMENT, RP_RAW, RP_NEED, RP_GOT, RP_WRONG, RP_LOST
    ctypedef struct rp_pkt:
        int64_t time
        uint64_t offset
        uint8_t src[16]
        uint8_t dst[16]
        uint16_t sport, dport
        uint32_t seq, net_size, transport_size, payload_size
        uint8_t version, proto, flags, macs
        uint8_t mac_src[6]
        uint8_t mac_dst[6]
    ctypedef struct rp_item:
        uint8_t what, again, fault
        uint32_t claim, link
        uint64_t at
        rp_pkt k
    ctypedef struct rp_stamp:
        uint32_t pair, value
        int64_t time
        uint64_t offset
    uint32_t rp_hash(uint64_t, const uint8_t *, size_t)
    ctypedef struct rp_frames:
        int blocks, big, fault
        uint32_t header, tick, link
        uint64_t offset, where, claimed, held
    ctypedef struct rp_fragments:
        uint64_t lost
    ctypedef struct rp_flows:
        uint64_t held, dropped, unfinished
    ctypedef struct rp_walker:
        rp_frames frames
        rp_fragments fragments
        rp_flows flows
        rp_item *items
        rp_item *spare_items
        rp_stamp *stamps
        uint8_t (*ends)[33]
        uint8_t *arena
        uint8_t *spare_arena
        uint32_t count, room, spare_room, stamped, paired, batch, soon
        uint64_t packets, cut, cut_first, poor
        uint64_t filled, space, spare_space
    int rp_init(rp_walker *, uint32_t, uint64_t, uint64_t)
    void rp_free(rp_walker *)
    int rp_run(rp_walker *, const uint8_t *, size_t, size_t *, size_t *)
    int rp_end(rp_frames *, const uint8_t *, size_t)
    void rp_finish(rp_walker *)

cdef extern from "<arpa/inet.h>" nogil:
    const char *inet_ntop(int, const void *, char *, uint32_t)
    enum: AF_INET, AF_INET6

cdef struct rp_address:
    uint8_t size  # 4, 6 or 16; 0: free
    uint8_t data[16]

cdef array _NUMBERS = new_array("q")

cdef struct rp_series:  # samples of a pair
    long long *times
    long long *values
    long long *offsets
    uint32_t count

FLOWS, TOTAL_BYTES, TLS_FAULTS = RP_FLOWS, RP_TOTAL_BYTES, 64
cdef enum:
    TEXTS = 8192  # of addresses kept, each in its place by hash
    WINDOW = 1 << 18  # bytes of a file read at a time: they stay in the cache
    WINDOWS = 256  # of a batch: who wants to stop need not wait for the end of a quiet file
    TLS_FAULT = 64  # of a fault's code: what follows is of TLS, not of framing


cdef class Batch:
    """Some of what a walk found, taken from it: the walk may go on in another thread."""

    cdef Walk walk
    cdef rp_item *items
    cdef uint8_t *arena
    cdef uint32_t count, room
    cdef uint64_t space
    cdef list last

    def __dealloc__(self):
        free(self.items)
        free(self.arena)

    cdef void _give_back(self) noexcept:
        """Its memory is for a later batch: fresh pages cost more than what is written into them."""
        cdef rp_walker *w = &self.walk.walker
        if not w.spare_items and not w.spare_arena:
            w.spare_items, w.spare_arena, w.spare_room, w.spare_space = self.items, self.arena, self.room, self.space
            self.items, self.arena = NULL, NULL

    def all(self):
        """What was found, as ``Walk.take`` gives it. Once only: its memory is used again."""
        cdef list found = []
        cdef uint32_t i
        if self.walk is None:
            raise ValueError("a batch is what a walk gives, once")
        for i in range(self.count):
            found.append(self.walk._item(&self.items[i], self.arena))
        found += self.last
        self._give_back()
        self.walk = None
        return found


cdef class Walk:
    """Takes a capture in pieces of any size (``feed``, then ``take`` until it gives nothing), and gives what is needed
    of it, in file order: ``packet(time_ns, offset, src, dst, proto, sport, dport, payload, mac_src, mac_dst, flags,
    seq, network, transport)``, ``hello(body, packet, "tcp", again)``, ``frame(time_ns, offset, data)`` of 802.11 management,
    ``stamps(src, dst, time_ns, value, offset)`` of each
    pair of addresses, with arrays, ``record(offset, time_ns, link, data)`` for a link
    type unknown here; and tuples (fault, offset, claimed, held) for what cannot be read, as packets_kernel names them.

    ``blocks``: pcapng, from its first byte on. Else pcap after its file header of 24 bytes: ``big`` endian, ``header``
    bytes a record header, ``tick`` nanoseconds a fraction, ``link``. ``seed`` makes the hash tables hard to attack."""

    cdef rp_walker walker
    cdef bint ready, lost
    cdef object packet, hello, frame, stamps, record
    cdef bytes chunk
    cdef size_t at, size, carried, room, want
    cdef uint8_t *carry
    cdef const uint8_t *data
    cdef rp_address *known
    cdef list texts

    def __cinit__(self, packet, hello, frame, stamps, record, *, bint blocks, bint big=False, uint32_t header=16,
                  uint32_t tick=1000, uint32_t link=1, uint32_t flows=RP_FLOWS, uint64_t total=RP_TOTAL_BYTES,
                  seed=0):
        if not 0 < flows <= RP_FLOWS or header < 16 or header > 64:
            raise ValueError(f"{flows} flows, headers of {header} bytes: out of range")
        if not rp_init(&self.walker, flows, total, seed & 0xFFFFFFFFFFFFFFFF):
            raise MemoryError("capture tables")
        self.ready = True
        self.packet, self.hello, self.frame, self.stamps, self.record = packet, hello, frame, stamps, record
        self.walker.frames.blocks = blocks
        self.walker.frames.big = big
        self.walker.frames.header = header
        self.walker.frames.tick = tick
        self.walker.frames.link = link
        self.walker.frames.offset = 0 if blocks else 24
        self.chunk = b""
        self.data = <const uint8_t *> PyBytes_AS_STRING(self.chunk)
        self.known = <rp_address *> calloc(TEXTS, sizeof(rp_address))
        if self.known == NULL:
            raise MemoryError("texts of addresses")
        self.texts = [""] * TEXTS

    def __dealloc__(self):
        if self.ready:
            rp_free(&self.walker)
        free(self.known)
        free(self.carry)

    def feed(self, bytes data not None):
        """The next bytes of the file. Raises ValueError while those before have not been taken."""
        if self.at < self.size and not self.lost:
            raise ValueError("the bytes before were not taken yet")
        self.chunk = data
        self.data = <const uint8_t *> PyBytes_AS_STRING(data)
        self.at = 0
        self.size = len(data)

    def take(self):
        """What was found, a few thousand at most; an empty list once more bytes are wanted."""
        cdef int step = RP_GOT
        while not self.lost:
            with nogil:
                step = self._step()
            if step == RP_NEED:
                break
            if step == RP_WRONG or step == RP_LOST:
                self.lost = step == RP_LOST
                return [*self._batch().all(), self._fault()]
            found = self._batch().all()
            if found:
                return found
        return self._batch().all()

    def batches(self, int file, off_t at):
        """As ``feed`` and ``take`` for all that a file holds from byte ``at`` on, read by its descriptor: Batches, made
        without the GIL. Its position stays. Raises OSError."""
        cdef char *window
        cdef ssize_t got = 1
        cdef int step = RP_NEED, error = 0, windows
        self.feed(PyBytes_FromStringAndSize(NULL, WINDOW))
        self.at = self.size  # nothing of it is to be read yet
        window = PyBytes_AS_STRING(self.chunk)
        while got and not self.lost:
            with nogil:
                step = self._step()
                windows = 0
                while step == RP_NEED and windows < WINDOWS:
                    windows += 1
                    # to a multiple of it: processors of one make copy at a third of their speed where a page's bytes
                    # go to a place in a page that lies a few bytes after their own
                    got = pread(file, window, WINDOW - at % WINDOW, at)
                    if got <= 0:
                        error = errno
                        break
                    at += got
                    self.at, self.size = 0, <size_t> got
                    step = self._step()
            if got < 0 and error != EINTR:
                raise OSError(error, "cannot be read")
            batch = self._batch()
            if step == RP_WRONG or step == RP_LOST:
                self.lost = step == RP_LOST
                batch.last.append(self._fault())
            yield batch

    def finish(self):
        """What is left once the file has ended: what it cut off, unfinished fragments, the last samples."""
        found = []
        if not self.lost and rp_end(&self.walker.frames, self.carry, self.carried):
            found.append(self._fault())
        self.lost = True
        rp_finish(&self.walker)
        found += self._batch().all()
        found += self._stamps()
        return found

    @property
    def counts(self):
        """How many packets there were, how many do not parse and where the first of them stands, flows dropped while
        they held bytes, datagrams that never became whole, packets there was no memory for."""
        return (self.walker.packets, self.walker.cut, self.walker.cut_first, self.walker.flows.unfinished,
                self.walker.fragments.lost, self.walker.poor)

    @property
    def held(self):
        """Bytes of TCP payload held now."""
        return self.walker.flows.held

    cdef _fault(self):
        cdef rp_frames *f = &self.walker.frames
        return (f.fault, f.where, f.claimed, f.held)

    cdef int _step(self) noexcept nogil:
        """Walks on through the carry, then the chunk. RP_NEED: all that is there was walked or carried."""
        cdef size_t used, take
        cdef int step
        while self.carried:
            if self.carried < self.want:
                take = min(self.want - self.carried, self.size - self.at)
                if not take:
                    return RP_NEED
                if not self._carry(take):
                    return RP_LOST
                if self.carried < self.want:
                    return RP_NEED
            step = rp_run(&self.walker, self.carry, self.carried, &used, &self.want)
            self.carried -= used
            if self.carried and used:
                memmove(self.carry, self.carry + used, self.carried)
            if step != RP_NEED:
                self.want = 1
                return step
        step = rp_run(&self.walker, self.data + self.at, self.size - self.at, &used, &self.want)
        self.at += used
        if step == RP_NEED and self.at < self.size and not self._carry(self.size - self.at):
            return RP_LOST
        return step

    cdef bint _carry(self, size_t take) noexcept nogil:
        """Moves ``take`` bytes of the chunk behind the carry, which grows with what comes, not with what is claimed."""
        cdef size_t room = self.room
        cdef uint8_t *grown
        if self.carried + take > room:
            room = max(self.carried + take, 2 * room)
            grown = <uint8_t *> realloc(self.carry, room)
            if grown == NULL:
                return False
            self.carry = grown
            self.room = room
        memcpy(self.carry + self.carried, self.data + self.at, take)
        self.carried += take
        self.at += take
        return True

    cdef Batch _batch(self):
        cdef Batch batch = Batch.__new__(Batch)
        cdef rp_walker *w = &self.walker
        batch.walk, batch.items, batch.arena, batch.count = self, w.items, w.arena, w.count
        batch.room, batch.space = w.room, w.space
        batch.last = self._stamps() if w.stamped >= RP_STAMPS else []
        w.items, w.arena, w.room, w.space = w.spare_items, w.spare_arena, w.spare_room, w.spare_space
        w.spare_items, w.spare_arena, w.spare_room, w.spare_space = NULL, NULL, 0, 0
        w.count = 0
        w.filled = 0
        w.soon -= w.soon > 0
        return batch

    cdef _item(self, rp_item *item, const uint8_t *arena):
        cdef rp_pkt *k = &item.k
        cdef const char *data = <const char *> arena + item.at
        if item.what == RP_PACKET:
            return self._packet(k, data)
        if item.what == RP_HELLO:
            return self.hello(
                PyBytes_FromStringAndSize(data, k.payload_size), self._packet(k, NULL), "tcp", bool(item.again))
        if item.what == RP_MANAGEMENT:
            return self.frame(k.time, k.offset, PyBytes_FromStringAndSize(data, k.payload_size))
        if item.what == RP_RAW:
            return self.record(k.offset, k.time, item.link, PyBytes_FromStringAndSize(data, k.payload_size))
        return (TLS_FAULT + item.fault, k.offset, item.claim, 0)

    cdef _packet(self, rp_pkt *k, const char *data):
        """``data`` holds network header, transport header and payload; NULL for none. Only TCP's headers are looked at."""
        cdef bytes network = b"", transport = b"", payload = b""
        if data != NULL and k.proto == 17:
            payload = PyBytes_FromStringAndSize(data + k.net_size + k.transport_size, k.payload_size)
        elif data != NULL:
            network = PyBytes_FromStringAndSize(data, k.net_size)
            transport = PyBytes_FromStringAndSize(data + k.net_size, k.transport_size)
            payload = PyBytes_FromStringAndSize(data + k.net_size + k.transport_size, k.payload_size)
        return self.packet(
            k.time, k.offset, self._ip(k.src, k.version), self._ip(k.dst, k.version), k.proto, k.sport, k.dport, payload,
            self._text(k.mac_src, 6) if k.macs & 1 else "", self._text(k.mac_dst, 6) if k.macs & 2 else "", k.flags, k.seq,
            network, transport)

    cdef str _ip(self, const uint8_t *address, uint8_t version):
        return self._text(address, 4 if version == 4 else 16)

    cdef str _text(self, const uint8_t *address, uint8_t size):
        """Of an IPv4 address, a MAC or an IPv6 address."""
        cdef char text[64]
        cdef uint32_t place = rp_hash(size, address, size) % TEXTS
        cdef rp_address *known = &self.known[place]
        if known.size == size and not memcmp(known.data, address, size):
            return <str> self.texts[place]
        if size == 6:
            told = PyBytes_FromStringAndSize(<const char *> address, 6).hex(":")
        elif inet_ntop(AF_INET if size == 4 else AF_INET6, address, text, 64) != NULL:
            told = (<bytes> text).decode("ascii")
        else:
            told = ""
        known.size = size
        memcpy(known.data, address, size)
        self.texts[place] = told
        return told

    cdef list _stamps(self):
        """The samples taken, pair by pair."""
        cdef rp_walker *w = &self.walker
        cdef rp_series *all = <rp_series *> calloc(w.paired + 1, sizeof(rp_series))
        cdef rp_series *one
        cdef uint32_t i
        cdef array times, values, offsets
        cdef list found = []
        if all == NULL:
            raise MemoryError("samples of timestamps")
        try:
            for i in range(w.stamped):
                all[w.stamps[i].pair].count += 1
            for i in range(w.paired):
                one = &all[i]
                times, values = clone(_NUMBERS, one.count, False), clone(_NUMBERS, one.count, False)
                offsets = clone(_NUMBERS, one.count, False)
                one.times, one.values, one.offsets = (
                    times.data.as_longlongs, values.data.as_longlongs, offsets.data.as_longlongs)
                one.count = 0
                found.append(self.stamps(
                    self._ip(w.ends[i], w.ends[i][32]), self._ip(w.ends[i] + 16, w.ends[i][32]), times, values, offsets))
            for i in range(w.stamped):
                one = &all[w.stamps[i].pair]
                one.times[one.count], one.values[one.count] = w.stamps[i].time, w.stamps[i].value
                one.offsets[one.count] = <int64_t> w.stamps[i].offset
                one.count += 1
        finally:
            free(all)
        w.stamped = 0
        w.paired = 0
        w.batch += 1
        return found
