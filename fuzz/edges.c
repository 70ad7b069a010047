/* Tells libFuzzer which edges of a kernel were taken and what it compared: gcc calls the functions below, and has no
 * table of its own. Linked into each kernel that is built for fuzzing, see kernels.py. */
#include <dlfcn.h>
#include <stdint.h>

#define EDGES 65536u
#define HIDDEN __attribute__((visibility("hidden")))
#define BARE __attribute__((no_sanitize_coverage, optimize("O2")))  /* what tells of edges has none */

extern const char __ehdr_start HIDDEN;

static uint8_t counters[EDGES];
static uintptr_t places[EDGES][2];  /* an address for each counter, and flags */

/* Calls are five bytes long, so that no two share a quarter of their return address. */
HIDDEN BARE void __sanitizer_cov_trace_pc(void) {
    counters[((uintptr_t)__builtin_return_address(0) - (uintptr_t)&__ehdr_start) / 4 % EDGES]++;
}

BARE static void ignore(void) {}

/* libFuzzer takes the address that it returns to for the place of a comparison: a jump there keeps it. */
#define FORWARD(name, type) \
    static void (*found_##name)(type, type) = (void (*)(type, type))ignore; \
    HIDDEN BARE void __sanitizer_cov_trace_##name(type a, type b) { found_##name(a, b); }

FORWARD(cmp1, uint8_t)
FORWARD(cmp2, uint16_t)
FORWARD(cmp4, uint32_t)
FORWARD(cmp8, uint64_t)
FORWARD(const_cmp1, uint8_t)
FORWARD(const_cmp2, uint16_t)
FORWARD(const_cmp4, uint32_t)
FORWARD(const_cmp8, uint64_t)

/* Cython compares a float here and there; no input is found by them. */
HIDDEN BARE void __sanitizer_cov_trace_cmpd(double a, double b) { (void)a, (void)b; }

static void (*found_switch)(uint64_t, uint64_t *) = (void (*)(uint64_t, uint64_t *))ignore;
HIDDEN BARE void __sanitizer_cov_trace_switch(uint64_t value, uint64_t *cases) {
    found_switch(value, cases);
}

#define FIND(name) *(void **)&found_##name = dlsym(core, "__sanitizer_cov_trace_" #name)

/* ``path``: the loaded library that libFuzzer is in. 0: it is not there. */
BARE int rackprint_edges(const char *path) {
    void *core = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    void (*count)(uint8_t *, uint8_t *), (*place)(uintptr_t *, uintptr_t *);
    if (!core) return 0;
    FIND(cmp1), FIND(cmp2), FIND(cmp4), FIND(cmp8), FIND(switch);
    FIND(const_cmp1), FIND(const_cmp2), FIND(const_cmp4), FIND(const_cmp8);
    *(void **)&count = dlsym(core, "__sanitizer_cov_8bit_counters_init");
    *(void **)&place = dlsym(core, "__sanitizer_cov_pcs_init");
    if (!count || !place) return 0;
    for (uintptr_t i = 0; i < EDGES; i++) places[i][0] = (uintptr_t)&__ehdr_start + i * 4;
    count(counters, counters + EDGES);
    place(places[0], places[EDGES]);
    return 1;
}
