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

// v = A y: 8 vectors of m.
INLINE void FN(spread)(const real *AT, const int m, const VEC *y, VEC *v) {
    v[0] = y[0];
    v[TILE - 1] = y[m - 1];
    UNROLL
    for (int i = 1; i < TILE - 1; i += 2) {
        VEC even = y[0], odd = AT[TILE + i] * y[1];
        UNROLL
        for (int j = 2; j < m; ++j) {
            if (j % 2)
                odd += AT[TILE * j + i] * y[j];
            else
                even += AT[TILE * j + i] * y[j];
        }
        v[i] = even + odd;
        v[i + 1] = even - odd;
    }
}

// dM[i] = row i of A y, for m rows of y, `step` apart: 8 rows, `apart` from each other. Whole vectors are written.
INLINE void FN(strip_diffs)(const real *AT, const int m, const real *y, long step, long width, real *dM, long apart) {
    for (long k = 0; k < width; k += LANES) {
        VEC rows[TILE], v[TILE];
        UNROLL
        for (int j = 0; j < m; ++j) rows[j] = FN(load)(y + j * step + k);
        FN(spread)(AT, m, rows, v);
        UNROLL
        for (int i = 0; i < TILE; ++i) FN(store)(dM + i * apart + k, v[i]);
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

// Tiles of a block of the gradient, all in one run: its lanes are summed once.
static Tiles FN(gradient_tiles)(long outputs, long rows, long width) {
    Tiles t = tiles_of(outputs, 4, 1, rows, width, sizeof(real));
    t.panels = 1, t.panel = t.count;
    return t;
}

static long FN(tiles_gradient_scratch)(const Slab *s, long outputs, long filters, long rows, long width) {
    Tiles t = FN(gradient_tiles)(outputs, rows, width);
    long numbers = 2 * TILE * ((s->channels + filters) * t.count + 2 * LANES) + outputs * outputs * t.plane + LANES;
    numbers += rows * width;
    return s->channels * (long)sizeof(long) + numbers * (long)sizeof(real) + 4 * LINE;
}

// dM (2, 8, count) of pair q of j, each (j, i) `apart` numbers from the next: A y A^T of the tiles of one filter of dy.
INLINE void FN(diffs_of_pair)(const Tiles *t, const int m, const int q, const real *AT, const real *y, real *dM,
                              long apart) {
    for (long f = 0; f < t->count; f += LANES, y += LANES, dM += LANES) {
        VEC first[TILE], second[TILE], v[TILE];
        UNROLL
        for (int r = 0; r < m; ++r) {
            const real *from = y + r * m * t->plane;
            if (q == 0) {
                first[r] = FN(load)(from);
                second[r] = FN(load)(from + (m - 1) * t->plane);
                continue;
            }
            VEC even = FN(load)(from), odd = {0};
            UNROLL
            for (int k = 1; k < m; ++k) {
                if (k % 2)
                    odd += AT[TILE * k + 2 * q - 1] * FN(load)(from + k * t->plane);
                else
                    even += AT[TILE * k + 2 * q - 1] * FN(load)(from + k * t->plane);
            }
            first[r] = even + odd;
            second[r] = even - odd;
        }
        FN(spread)(AT, m, first, v);
        UNROLL
        for (int i = 0; i < TILE; ++i) FN(store)(dM + i * apart, v[i]);
        FN(spread)(AT, m, second, v);
        UNROLL
        for (int i = 0; i < TILE; ++i) FN(store)(dM + (TILE + i) * apart, v[i]);
    }
}

static void FN(fill_tile_diffs)(const Tiles *t, const int q, const real *AT, const real *y, real *dM, long apart) {
    switch (8 * t->outputs + q) {
#define CASE(n, pair) \
    case 8 * n + pair: FN(diffs_of_pair)(t, n, pair, AT, y, dM, apart); break;
#define CASES(n) CASE(n, 0) CASE(n, 1) CASE(n, 2) CASE(n, 3)
        CASES(2) CASES(3) CASES(4) CASES(5) CASES(6) CASES(7)
#undef CASES
#undef CASE
    }
    // behind the last tile are what lies behind it in the slab
    for (long ji = 0, last = (t->down - 1) * t->wide + t->across; ji < 2 * TILE; ++ji)
        for (long f = last; f < t->count; ++f) dM[ji * apart + f] = 0;
}

// dU (8, 8, filters, channels) and, unless NULL, db (filters) += those of a block: dU[j][i] = dM[j][i] V[j][i]^T of all
// tiles, with V and dM those of a pair of j at a time.
static void FN(tiles_gradient)(const Slab *s, long outputs, const real *AT, const real *BT, const real *x,
                               const real *dy, long dy_filter, long dy_row, real *dU, real *db, long filters, long rows,
                               long width, char *scratch) {
    const Tiles tiles = FN(gradient_tiles)(outputs, rows, width), *t = &tiles;
    long channels = s->channels, count = t->count, image = outputs * outputs * t->plane, *at = (long *)scratch;
    // a line more, as what lies a power of two apart would share its places in the cache
    long V_apart = channels * count + LANES, apart = filters * count + LANES;
    real *V = (real *)(scratch + (channels * sizeof(long) + LINE - 1) / LINE * LINE), *dM = V + 2 * TILE * V_apart;
    real *slab = dM + 2 * TILE * apart, *own = slab + image + LANES;
    Slab block = {.channels = 1, .height = rows, .width = width};
    Run g = {1, count, count};
    FN(Orders) orders;
    FN(fill_orders)(&orders, outputs);
    memset(slab + image, 0, LANES * sizeof(real));
    for (long c = 0; c < channels; ++c) at[c] = c * count;
    for (int q = 0; q < 4; ++q) {
        for (long c = 0; c < channels; ++c) {
            FN(fill_tiles)(s, t, &orders, x + c * s->height * s->width, slab);
            FN(transform_tiles)(t, q, BT, slab, channels, V_apart, V + c * count);
        }
        for (long o = 0; o < filters; ++o) {
            const real *from = dy + o * dy_filter;
            for (long r = 0; r < rows; ++r) memcpy(own + r * width, from + r * dy_row, width * sizeof(real));
            FN(fill_tiles)(&block, t, &orders, own, slab);
            FN(fill_tile_diffs)(t, q, AT, slab, dM + o * count, apart);
            // of the point 1, whose column in A^T is (1, ..., 1), in both directions
            if (db && q == 1) db[o] += FN(sum_run)(dM + apart + o * count, count);
        }
        for (long ji = 0; ji < 2 * TILE; ++ji) {
            long j = q ? 2 * q - 1 + ji / TILE : ji / TILE * (TILE - 1);
            FN(dots)(filters, channels, &g, dM + ji * apart, count, V + ji * V_apart, at,
                     dU + (j * TILE + ji % TILE) * filters * channels, channels);
        }
    }
}
