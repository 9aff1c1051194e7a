// What `multiply` is for the results, for the filters' gradients: of rows of numbers that lie shifted in memory,
//
//     dw[o][t] += sum over p of d[o][p] x[at[t] + p],        0 <= p < count
//
// d (filters, step) are the results' gradients, as far apart from row to row as those of x, with zeros between the rows
// and behind the last one, up to a whole vector. A tile of DOT_ROWS x DOT_TAPS vectors of sums is kept in registers for
// the whole run of p; then each vector's lanes are summed, in halves. The order depends on nothing but the shapes.
//
// 0 times what is not finite is not 0: a sum that is not finite is taken again, without what lies between the rows.
#define DOT_ROWS 4
#if VECTOR_BYTES == 64
#define DOT_TAPS 6
#else
#define DOT_TAPS 2
#endif
#define DOT_ALONE (2 * DOT_TAPS)  // taps at a time of a filter alone

#define HALF FN(half)
#define QUARTER FN(quarter)
typedef real FN(quarter) __attribute__((vector_size(16)));
#if VECTOR_BYTES == 64
typedef real FN(half) __attribute__((vector_size(32)));
#endif

// The sum of a vector's numbers: first those half a vector apart, to the end.
INLINE real FN(sum_lanes)(VEC v) {
#if VECTOR_BYTES == 64
    union { VEC whole; HALF part[2]; } a = {v};
    union { HALF whole; QUARTER part[2]; } b = {a.part[0] + a.part[1]};
    QUARTER q = b.part[0] + b.part[1];
#elif VECTOR_BYTES == 32
    union { VEC whole; QUARTER part[2]; } b = {v};
    QUARTER q = b.part[0] + b.part[1];
#else
    QUARTER q = v;
#endif
    return sizeof(real) == 8 ? q[0] + q[1] : (q[0] + q[2 % (16 / sizeof(real))]) + (q[1] + q[3 % (16 / sizeof(real))]);
}

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

static real FN(dot_of_rows)(const Run *g, const real *d, const real *x) {
    real sum = 0;
    for (long r = 0; r < g->rows; ++r, d += g->cols, x += g->cols)
        for (long j = 0; j < g->width; ++j) sum += d[j] * x[j];
    return sum;
}

// One tile of rows x taps sums, added to dw (rows, dw_step).
INLINE void FN(dot_tile)(const int rows, const int taps, const Run *g, long count, const real *d, long step,
                         const real *x, const long *at, real *dw, long dw_step) {
    VEC sum[DOT_ROWS][DOT_ALONE];
    const real *from[DOT_ALONE];
#pragma GCC unroll 16
    for (int k = 0; k < taps; ++k) from[k] = x + at[k];
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 16
        for (int k = 0; k < taps; ++k) sum[r][k] = (VEC){0};
    for (long p = 0; p < count; p += LANES) {
        VEC v[DOT_ROWS];
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) v[r] = FN(load)(d + r * step + p);
#pragma GCC unroll 16
        for (int k = 0; k < taps; ++k) {
            VEC pixels = FN(load)(from[k] + p);
#pragma GCC unroll 16
            for (int r = 0; r < rows; ++r) sum[r][k] += v[r] * pixels;
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 16
        for (int k = 0; k < taps; ++k) {
            real total = FN(sum_lanes)(sum[r][k]);
            if (total - total != 0) total = FN(dot_of_rows)(g, d + r * step, from[k]);
            dw[r * dw_step + k] += total;
        }
}

#define DOTS_OF(rows, some) \
    for (; t + some <= taps; t += some) FN(dot_tile)(rows, some, g, count, d, step, x, at + t, dw + t, taps);

// dw (filters, taps) += all the sums.
static void FN(dots)(long filters, long taps, const Run *g, const real *d, long step, const real *x, const long *at,
                     real *dw) {
    long count = run_count(g);
    for (; filters >= DOT_ROWS; filters -= DOT_ROWS, d += DOT_ROWS * step, dw += DOT_ROWS * taps) {
        long t = 0;
        DOTS_OF(DOT_ROWS, DOT_TAPS) DOTS_OF(DOT_ROWS, 1)
    }
    for (; filters > 0; --filters, d += step, dw += taps) {
        long t = 0;
        DOTS_OF(1, DOT_ALONE) DOTS_OF(1, 1)
    }
}
#undef DOTS_OF
