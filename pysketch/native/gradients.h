// Blocks of the filters' gradients, for the convolutions of direct.h and strips.h: what the filters saw times dy.

// d (rows of cols, up to a whole vector): a block's rows of one filter of dy, zeros between them and behind the last.
static void FN(spread_rows)(const Run *g, const real *dy, long dy_step, real *d) {
    for (long r = 0; r < g->rows; ++r, dy += dy_step, d += g->cols) {
        long end = r < g->rows - 1 ? g->cols : FN(run_step)(g) - r * g->cols;
        memcpy(d, dy, g->width * sizeof(real));
        memset(d + g->width, 0, (end - g->width) * sizeof(real));
    }
}

// The sum of whole vectors.
static real FN(sum_run)(const real *d, long count) {
    VEC sum[1] = {{0}};
    real total;
    for (long p = 0; p < count; p += LANES) sum[0] += FN(load)(d + p);
    FN(sum_lanes)(1, sum, &total);
    return total;
}

// How many channels are seen at a time: what they take, `bytes` each, stays in the second cache beside the filters'.
#ifndef CHANNELS_AT_A_TIME
#define CHANNELS_AT_A_TIME
static inline long channels_at_a_time(long channels, long bytes) {
    long some = (1L << 20) / bytes;
    if (some < 1) some = 1;
    if (some >= channels) return channels;
    long groups = (channels + some - 1) / some;
    return (channels + groups - 1) / groups;  // of about as many each
}
#endif

static long FN(direct_channels)(const Slab *s) {
    return channels_at_a_time(s->channels, slab_size(s) / s->channels * (long)sizeof(real));
}

// Floats and longs of scratch memory that a block takes.
static long FN(direct_gradient_scratch)(const Slab *s, long filters, long rows, long width) {
    Run g = {rows, width, s->cols};
    long some = FN(direct_channels)(s), taps = some * s->kernel_h * s->kernel_w;
    long numbers = filters * FN(run_step)(&g) + slab_size(s) / s->channels * some + LANES;
    return taps * (long)sizeof(long) + numbers * (long)sizeof(real) + 4 * LINE;
}

// dw (filters, taps) and, unless NULL, db (filters) += those of a block of dy, whose filters and rows begin so far
// apart.
static void FN(direct_gradient)(const Slab *s, const real *x, const real *dy, long dy_filter, long dy_row, real *dw,
                                real *db, long filters, long rows, long width, char *scratch) {
    Run g = {rows, width, s->cols};
    Slab part = *s;
    long some = FN(direct_channels)(s), taps = some * s->kernel_h * s->kernel_w, step = FN(run_step)(&g);
    long *at = (long *)scratch, of_all = s->channels * s->kernel_h * s->kernel_w;
    real *d = (real *)(scratch + (taps * sizeof(long) + LINE - 1) / LINE * LINE), *slab = d + filters * step;
    for (long o = 0; o < filters; ++o) {
        FN(spread_rows)(&g, dy + o * dy_filter, dy_row, d + o * step);
        if (db) db[o] += FN(sum_run)(d + o * step, step);
    }
    tap_offsets(s, some, at);
    for (long c = 0; c < s->channels; c += some) {
        part.channels = s->channels - c < some ? s->channels - c : some;
        FN(fill_slab)(&part, x + c * s->height * s->width, slab);
        memset(slab + slab_size(&part), 0, LANES * sizeof(real));
        taps = part.channels * s->kernel_h * s->kernel_w;
        FN(dots)(filters, taps, &g, d, step, slab, at, dw + c * s->kernel_h * s->kernel_w, of_all);
    }
}

// What a block of strips is cut into: `some` channels at a time.
static long FN(strips_channels)(const Slab *s, const Strips *f, long rows) {
    long numbers = slab_size(s) / s->channels + TILE * s->sy * s->sx * strips_seen(f, rows) * s->cols;
    return channels_at_a_time(s->channels, numbers * (long)sizeof(real));
}

static long FN(strips_gradient_scratch)(const Slab *s, const Strips *f, long filters, long rows, long width) {
    long seen = strips_seen(f, rows), some = FN(strips_channels)(s, f, rows);
    Run g = {seen - f->parts + 1, width, s->cols};
    long taps = some * s->sy * f->parts * s->kernel_w, planes = some * s->sy * s->sx;
    long numbers = slab_size(s) / s->channels + TILE * (planes * seen * s->cols + LANES) + LANES;
    numbers += TILE * (filters * FN(run_step)(&g) + LANES) + f->outputs * (width + LANES);
    return taps * (long)sizeof(long) + numbers * (long)sizeof(real) + 4 * LINE;
}

// dM[i] = row i of A y, for m rows of y, `step` apart: 8 rows, `apart` from each other. Whole vectors are written.
INLINE void FN(strip_diffs)(const real *AT, const int m, const real *y, long step, long width, real *dM, long apart) {
    for (long k = 0; k < width; k += LANES) {
        VEC rows[TILE];
        UNROLL
        for (int j = 0; j < m; ++j) rows[j] = FN(load)(y + j * step + k);
        FN(store)(dM + k, rows[0]);
        FN(store)(dM + 7 * apart + k, rows[m - 1]);
        UNROLL
        for (int i = 1; i < 7; i += 2) {
            VEC even = rows[0], odd = AT[TILE + i] * rows[1];
            UNROLL
            for (int j = 2; j < m; ++j) {
                if (j % 2)
                    odd += AT[TILE * j + i] * rows[j];
                else
                    even += AT[TILE * j + i] * rows[j];
            }
            FN(store)(dM + i * apart + k, even + odd);
            FN(store)(dM + (i + 1) * apart + k, even - odd);
        }
    }
}

// dM (8, step), `apart` from each other, of a block's rows of one filter of dy. row: memory for the rows of a strip.
static void FN(fill_diffs)(const Run *g, const real *AT, long m, const real *dy, long dy_step, long rows, long apart,
                           real *row, real *dM) {
    long step = FN(run_step)(g), row_step = (g->width + LANES - 1) / LANES * LANES;
    for (long t = 0; t < g->rows; ++t, dM += g->cols) {
        for (long j = 0; j < m; ++j, dy += dy_step) {
            if (t * m + j < rows)
                memcpy(row + j * row_step, dy, g->width * sizeof(real));
            else
                memset(row + j * row_step, 0, g->width * sizeof(real));
        }
        switch (m) {
#define CASE(n) \
    case n: FN(strip_diffs)(AT, n, row, row_step, g->width, dM, apart); break;
            CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#undef CASE
        }
        long end = t < g->rows - 1 ? g->cols : step - t * g->cols;
        for (int i = 0; i < TILE && row_step < end; ++i)
            memset(dM + i * apart + row_step, 0, (end - row_step) * sizeof(real));
    }
}

// dU (8, filters, taps) and, unless NULL, db (filters) += those of a block: dU[i] = dM[i] R[i]^T of every strip.
static void FN(strips_gradient)(const Slab *s, const Strips *f, const real *AT, const real *BT, const real *x,
                                const real *dy, long dy_filter, long dy_row, real *dU, real *db, long filters,
                                long rows, long width, char *scratch) {
    long seen = strips_seen(f, rows), plane = seen * s->cols, some = FN(strips_channels)(s, f, rows);
    Run g = {seen - f->parts + 1, width, s->cols};
    Slab part = *s;
    long of_channel = s->sy * f->parts * s->kernel_w, taps = some * of_channel, step = FN(run_step)(&g);
    long apart = filters * step + LANES;  // a row's last vector may reach over the end
    long planes = some * s->sy * s->sx, R_apart = planes * plane + LANES;
    long row_step = (width + LANES - 1) / LANES * LANES, *at = (long *)scratch;
    real *dM = (real *)(scratch + (taps * sizeof(long) + LINE - 1) / LINE * LINE);
    real *row = dM + TILE * apart, *R = row + f->outputs * row_step, *slab = R + TILE * R_apart;
    memset(row, 0, f->outputs * row_step * sizeof(real));
    for (long o = 0; o < filters; ++o) {
        FN(fill_diffs)(&g, AT, f->outputs, dy + o * dy_filter, dy_row, rows, apart, row, dM + o * step);
        // the point 1, whose column in A^T is (1, ..., 1): sums of the strips' rows
        if (db) db[o] += FN(sum_run)(dM + apart + o * step, step);
    }
    for (long c = 0; c < s->channels; c += some) {
        part.channels = s->channels - c < some ? s->channels - c : some;
        FN(fill_strips)(&part, f, BT, x + c * s->height * s->width, slab, seen, R_apart, R);
        strip_offsets(&part, f, plane, at);
        planes = part.channels * s->sy * s->sx;
        for (int i = 0; i < TILE; ++i) {
            memset(R + i * R_apart + planes * plane, 0, LANES * sizeof(real));
            real *to = dU + i * filters * s->channels * of_channel + c * of_channel;
            FN(dots)(filters, part.channels * of_channel, &g, dM + i * apart, step, R + i * R_apart, at, to,
                     s->channels * of_channel);
        }
    }
}
