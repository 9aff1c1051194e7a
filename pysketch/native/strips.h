// Winograd's filtering along the columns of an image alone: pysketch/convolution/strip_engine.py tells the algorithm.
//
//     R[i][c][p][q][t] = row i of B^T x, x a slab's rows t m..t m + 7;  M[i] = the products of R[i] and U[i]
//
// A strip t is m rows of outputs. Filters higher than a strip's are `parts` of them: a tap is (c, p, part, kx).
#ifndef STRIPS
#define STRIPS
typedef struct {
    long outputs, parts;  // m rows of outputs of a strip; parts of a filter
} Strips;

// Strips that so many rows of outputs see.
static inline long strips_seen(const Strips *f, long rows) {
    return (rows + f->outputs - 1) / f->outputs + f->parts - 1;
}

// As slab_of, whole strips.
static inline Slab strips_slab(const Strips *f, const Slab *whole, long top, long left, long rows, long width) {
    Slab s = slab_of(whole, top, left, rows, width);
    s.rows = (strips_seen(f, rows) - 1) * f->outputs + TILE;
    return s;
}

// at (channels sy parts kernel_w): where each tap's rows begin in R, whose planes are `plane` apart.
static void strip_offsets(const Slab *s, const Strips *f, long plane, long *at) {
    for (long c = 0; c < s->channels * s->sy; ++c)
        for (long part = 0; part < f->parts; ++part)
            for (long kx = 0; kx < s->kernel_w; ++kx)
                *at++ = (c * s->sx + kx * s->dx % s->sx) * plane + part * s->cols + kx * s->dx / s->sx;
}
#endif

static long FN(strips_scratch)(const Slab *s, const Strips *f, long rows, long width) {
    long seen = strips_seen(f, rows), planes = s->channels * s->sy * s->sx, plane = seen * s->cols;
    long taps = s->channels * s->sy * f->parts * s->kernel_w, step = (seen - f->parts) * s->cols + width + 2 * LANES;
    long numbers = slab_size(s) / s->channels + TILE * (planes * plane + (COLS + 1) * LANES) + TILE * ROWS * step;
    numbers += f->outputs * (width + LANES) + LANES;
    return taps * (long)sizeof(long) + numbers * (long)sizeof(real) + 4 * LINE;
}

// R (8, C sy sx, seen, cols), each i `apart` numbers from the next, of an image: channel by channel, each a slab that
// stays in the first cache.
static void FN(fill_strips)(const Slab *s, const Strips *f, const real *BT, const real *x, real *slab, long seen,
                            long apart, real *R) {
    Slab one = *s;
    one.channels = 1;
    for (long c = 0; c < s->channels; ++c) {
        FN(fill_slab)(&one, x + c * s->height * s->width, slab);
        for (long plane = 0; plane < s->sy * s->sx; ++plane)
            for (long t = 0; t < seen; ++t, R += s->cols) {
                const real *from = slab + (plane * s->rows + t * f->outputs) * s->cols;
                for (long k = 0; k < s->cols; k += LANES) {
                    VEC v[TILE];
                    UNROLL
                    for (int i = 0; i < TILE; ++i) v[i] = FN(load)(from + i * s->cols + k);
                    FN(transform)(BT, v);
                    UNROLL
                    for (int i = 0; i < TILE; ++i) FN(store)(R + i * apart + k, v[i]);
                }
            }
    }
}

// Results of m rows from M (8), each i `apart` numbers from the next: rows (m, step).
INLINE void FN(strip_rows)(const real *AT, const int m, const real *M, long apart, long width, real *rows, long step) {
    for (long k = 0; k < width; k += LANES) {
        VEC v[TILE], y[TILE];
        UNROLL
        for (int i = 0; i < TILE; ++i) v[i] = FN(load)(M + i * apart + k);
        FN(transform_back)(AT, m, v, y);
        UNROLL
        for (int j = 0; j < m; ++j) FN(store)(rows + j * step + k, y[j]);
    }
}

// Results (filters, rows, width) of one block, as `direct`; U (filters / ROWS, 8, taps, ROWS), AT (m, 8), BT (8, 8).
static void FN(strips)(const Slab *s, const Strips *f, const Finish *g, const real *AT, const real *BT, const real *x,
                       const real *U, const real *bias, const real *made, real *y, long filters, long rows, long width,
                       char *scratch) {
    long seen = strips_seen(f, rows), planes = s->channels * s->sy * s->sx, plane = seen * s->cols, m = f->outputs;
    long taps = s->channels * s->sy * f->parts * s->kernel_w, count = (seen - f->parts) * s->cols + width;
    long step = (count + LANES - 1) / LANES * LANES, apart = planes * plane + (COLS + 1) * LANES;
    long row_step = (width + LANES - 1) / LANES * LANES, *at = (long *)scratch;
    strip_offsets(s, f, plane, at);
    real *M = (real *)(scratch + (taps * sizeof(long) + LINE - 1) / LINE * LINE);
    real *row = M + TILE * ROWS * step, *R = row + m * row_step, *slab = R + TILE * apart;
    FN(fill_strips)(s, f, BT, x, slab, seen, apart, R);
    for (int i = 0; i < TILE; ++i) memset(R + i * apart + planes * plane, 0, (COLS + 1) * LANES * sizeof(real));
    for (long o = 0; o < filters; o += ROWS) {
        long some = filters - o < ROWS ? filters - o : ROWS;
        for (int i = 0; i < TILE; ++i, U += ROWS * taps)
            FN(multiply)(some, count, taps, U, R + i * apart, at, M + i * ROWS * step, step);
        for (long k = 0; k < some; ++k)
            for (long t = 0; t * m < rows; ++t) {
                const real *from = M + k * step + t * s->cols;
                switch (m) {
#define CASE(n) \
    case n: FN(strip_rows)(AT, n, from, ROWS * step, width, row, row_step); break;
                    CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#undef CASE
                }
                for (long j = 0; j < m && t * m + j < rows; ++j)
                    FN(finish_row)(g, row + j * row_step, width, bias ? bias[o + k] : 0, made, y, o + k, t * m + j);
            }
    }
}
