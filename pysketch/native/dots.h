// What `multiply` is for the results, for the filters' gradients: of rows of numbers that lie shifted in memory,
//
//     dw[o][t] += sum over p of d[o][p] x[at[t] + p],        0 <= p < count
//
// d (filters, step) are the results' gradients, as far apart from row to row as those of x, with zeros between the rows
// and behind the last one, up to a whole vector. A tile of DOT_ROWS x DOT_TAPS vectors of sums is kept in registers for
// the whole run of p; then each vector's lanes are summed, in halves. The order depends on nothing but the shapes.
//
// 0 times what is not finite is not 0: a sum that is not finite is taken again, without what lies between the rows.
#define DOT_ROWS 6
#if VECTOR_BYTES == 64
#define DOT_TAPS 4
#else
#define DOT_TAPS 2
#endif

// GCC would rather load what is used six times six times, and half of these loads span two lines of the cache.
#if defined(__x86_64__)
#define IN_REGISTER(v) __asm__("" : "+v"(v))
#else
#define IN_REGISTER(v)
#endif

// What p runs over: `rows` rows of `width` numbers, which begin `cols` apart, and what lies between them.
#ifndef RUN_OF_ROWS
#define RUN_OF_ROWS
typedef struct {
    long rows, width, cols;
} Run;

static inline long run_count(const Run *g) { return (g->rows - 1) * g->cols + g->width; }
#endif

// How far apart the filters are in d.
static inline long FN(run_step)(const Run *g) { return (run_count(g) + LANES - 1) / LANES * LANES; }

#if VECTOR_BYTES == 64 && !defined(__clang__)
typedef __typeof__((VEC){0} == (VEC){0}) FN(places);

// Of every 2 h numbers the first h are a's, each with the one h further on, the others b's.
INLINE VEC FN(fold)(VEC a, VEC b, const int h) {
    const int lanes = LANES;
    FN(places) j;
    UNROLL
    for (int k = 0; k < lanes; ++k) j[k] = k;
    FN(places) of_a = (j & h) == 0, from = j + (~of_a & (lanes - h)), further = j + (of_a & h) + (~of_a & lanes);
    return __builtin_shuffle(a, b, from) + __builtin_shuffle(a, b, further);
}

// The sums of the lanes of n vectors, n a power of 2 and at most LANES: all together, v is used up.
INLINE void FN(sum_some)(const int n, VEC *v, real *sums) {
    UNROLL
    for (int h = LANES / 2, m = n; h; h /= 2) {
        const int pairs = m > 1 ? m / 2 : 1, apart = m > 1 ? m / 2 : 0;
        UNROLL
        for (int k = 0; k < pairs; ++k) v[k] = FN(fold)(v[k], v[k + apart], h);
        m = pairs;
    }
    real found[LANES];
    FN(store)(found, v[0]);
    UNROLL
    for (int k = 0; k < n; ++k) sums[k] = found[k * (LANES / n)];
}

INLINE void FN(sum_lanes)(const int n, VEC *v, real *sums) {
    int k = 0;
    UNROLL
    for (; k + LANES <= n; k += LANES) FN(sum_some)(LANES, v + k, sums + k);
    UNROLL
    for (int m = LANES / 2; m; m /= 2)
        if ((n - k) & m) {
            FN(sum_some)(m, v + k, sums + k);
            k += m;
        }
}
#else
INLINE void FN(sum_lanes)(const int n, VEC *v, real *sums) {
    UNROLL
    for (int k = 0; k < n; ++k) {
        real x[LANES];
        FN(store)(x, v[k]);
        UNROLL
        for (int h = LANES / 2; h; h /= 2)
            UNROLL
            for (int j = 0; j < h; ++j) x[j] += x[j + h];
        sums[k] = x[0];
    }
}
#endif

static __attribute__((noinline)) real FN(dot_of_rows)(const Run *g, const real *d, const real *x) {
    real sum = 0;
    for (long r = 0; r < g->rows; ++r, d += g->cols, x += g->cols)
        for (long j = 0; j < g->width; ++j) sum += d[j] * x[j];
    return sum;
}

// One tile of rows x taps sums, added to dw (rows, dw_step).
INLINE void FN(dot_tile)(const int rows, const int taps, const Run *g, long count, const real *d, long step,
                         const real *x, const long *at, real *dw, long dw_step) {
    VEC sum[DOT_ROWS * DOT_TAPS];
    const real *from[2 * DOT_TAPS];
    UNROLL
    for (int k = 0; k < taps; ++k) from[k] = x + at[k];
    UNROLL
    for (int r = 0; r < rows; ++r)
        UNROLL
        for (int k = 0; k < taps; ++k) sum[r * taps + k] = (VEC){0};
    const real *row = d;
    for (long p = 0; p < count; p += LANES, row += LANES) {
        VEC v[2 * DOT_TAPS];
        UNROLL
        for (int k = 0; k < taps; ++k) {
            v[k] = FN(load)(from[k] + p);
            IN_REGISTER(v[k]);
        }
        UNROLL
        for (int r = 0; r < rows; ++r) {
            VEC of_filter = FN(load)(row + r * step);
            UNROLL
            for (int k = 0; k < taps; ++k) sum[r * taps + k] += of_filter * v[k];
        }
    }
    real sums[DOT_ROWS * DOT_TAPS];
    FN(sum_lanes)(rows * taps, sum, sums);
    for (int n = 0; n < rows * taps; ++n) {
        int r = n / taps, k = n % taps;
        if (sums[n] - sums[n] != 0) sums[n] = FN(dot_of_rows)(g, d + r * step, x + at[k]);
        dw[r * dw_step + k] += sums[n];
    }
}

// A function of its own for each height, so that its loops have the registers for themselves.
#define OF_ROWS(rows, some)                                                                                     \
    static __attribute__((noinline)) void FN(dots_of_##rows)(const Run *g, const real *d, long step, const real *x, \
                                                             const long *at, long taps, real *dw, long dw_step) { \
        long t = 0, count = run_count(g);                                                                       \
        for (; t + some <= taps; t += some)                                                                     \
            FN(dot_tile)(rows, some, g, count, d, step, x, at + t, dw + t, dw_step);                            \
        for (; t < taps; ++t) FN(dot_tile)(rows, 1, g, count, d, step, x, at + t, dw + t, dw_step);             \
    }
OF_ROWS(1, (2 * DOT_TAPS)) OF_ROWS(2, (2 * DOT_TAPS)) OF_ROWS(3, DOT_TAPS)
OF_ROWS(4, DOT_TAPS) OF_ROWS(5, DOT_TAPS) OF_ROWS(6, DOT_TAPS)
#undef OF_ROWS

// dw (filters, dw_step), the first `taps` of each, += all the sums.
static void FN(dots)(long filters, long taps, const Run *g, const real *d, long step, const real *x, const long *at,
                     real *dw, long dw_step) {
    long groups = (filters + DOT_ROWS - 1) / DOT_ROWS;
    for (long group = 0, o = 0; group < groups; ++group) {  // of about as many filters each
        long rows = filters * (group + 1) / groups - o;
        const real *from = d + o * step;
        real *to = dw + o * dw_step;
        o += rows;
        switch (rows) {
#define CASE(rows) \
    case rows: FN(dots_of_##rows)(g, from, step, x, at, taps, to, dw_step); break;
            CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#undef CASE
        }
    }
}
