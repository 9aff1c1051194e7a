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
    VEC sum = {0};
    for (long p = 0; p < count; p += LANES) sum += FN(load)(d + p);
    return FN(sum_lanes)(sum);
}

// Floats and longs of scratch memory that a block takes.
static long FN(direct_gradient_scratch)(const Slab *s, long filters, long rows, long width) {
    Run g = {rows, width, s->cols};
    long taps = s->channels * s->kernel_h * s->kernel_w;
    return taps * (long)sizeof(long) + (filters * FN(run_step)(&g) + slab_size(s) + LANES) * (long)sizeof(real) + 4 * LINE;
}

// dw (filters, taps) and, unless NULL, db (filters) += those of a block of dy (filters, height, width).
static void FN(direct_gradient)(const Slab *s, const Finish *f, const real *x, const real *dy, real *dw, real *db,
                                long filters, long rows, long width, char *scratch) {
    Run g = {rows, width, s->cols};
    long taps = s->channels * s->kernel_h * s->kernel_w, step = FN(run_step)(&g), *at = (long *)scratch;
    real *d = (real *)(scratch + (taps * sizeof(long) + LINE - 1) / LINE * LINE), *slab = d + filters * step;
    tap_offsets(s, at);
    FN(fill_slab)(s, x, slab);
    memset(slab + slab_size(s), 0, LANES * sizeof(real));
    for (long o = 0; o < filters; ++o) {
        FN(spread_rows)(&g, dy + (o * f->height + f->top) * f->width + f->left, f->width, d + o * step);
        if (db) db[o] += FN(sum_run)(d + o * step, step);
    }
    FN(dots)(filters, taps, &g, d, step, slab, at, dw);
}

static long FN(strips_gradient_scratch)(const Slab *s, const Strips *f, long filters, long rows, long width) {
    long seen = strips_seen(f, rows), planes = s->channels * s->sy * s->sx;
    Run g = {seen - f->parts + 1, width, s->cols};
    long taps = s->channels * s->sy * f->parts * s->kernel_w;
    long numbers = slab_size(s) + TILE * (planes * seen * s->cols + (COLS + 1) * LANES) + LANES;
    numbers += TILE * (filters * FN(run_step)(&g) + LANES) + f->outputs * (width + LANES);
    return taps * (long)sizeof(long) + numbers * (long)sizeof(real) + 4 * LINE;
}

// dM[i] = row i of A y, for m rows of y, `step` apart: 8 vectors' places, `apart` from each other.
INLINE void FN(strip_diffs)(const real *AT, const int m, const real *y, long step, long width, real *dM, long apart) {
    for (long k = 0; k < width; k += LANES) {
        VEC rows[TILE];
#pragma GCC unroll 8
        for (int j = 0; j < m; ++j) rows[j] = FN(load)(y + j * step + k);
        FN(store)(dM + k, rows[0]);
        FN(store)(dM + 7 * apart + k, rows[m - 1]);
#pragma GCC unroll 3
        for (int i = 1; i < 7; i += 2) {
            VEC even = rows[0], odd = AT[TILE + i] * rows[1];
#pragma GCC unroll 8
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

// dU (8, filters, taps) and, unless NULL, db (filters) += those of a block: dU[i] = dM[i] R[i]^T of every strip.
static void FN(strips_gradient)(const Slab *s, const Strips *f, const Finish *place, const real *AT, const real *BT,
                                const real *x, const real *dy, real *dU, real *db, long filters, long rows, long width,
                                char *scratch) {
    long seen = strips_seen(f, rows), planes = s->channels * s->sy * s->sx, plane = seen * s->cols, m = f->outputs;
    Run g = {seen - f->parts + 1, width, s->cols};
    long taps = s->channels * s->sy * f->parts * s->kernel_w, step = FN(run_step)(&g);
    long apart = filters * step + LANES;  // a row's last vector may reach over the end
    long R_apart = planes * plane + (COLS + 1) * LANES, row_step = (width + LANES - 1) / LANES * LANES;
    long *at = (long *)scratch;
    strip_offsets(s, f, plane, at);
    real *dM = (real *)(scratch + (taps * sizeof(long) + LINE - 1) / LINE * LINE);
    real *row = dM + TILE * apart, *R = row + m * row_step, *slab = R + TILE * R_apart;
    FN(fill_slab)(s, x, slab);
    FN(fill_strips)(s, f, BT, slab, seen, R_apart, R);
    for (int i = 0; i < TILE; ++i) memset(R + i * R_apart + planes * plane, 0, (COLS + 1) * LANES * sizeof(real));
    memset(row, 0, m * row_step * sizeof(real));
    for (long o = 0; o < filters; ++o) {
        real bias = 0;
        for (long t = 0; t < g.rows; ++t) {
            for (long j = 0; j < m; ++j) {
                if (t * m + j < rows) {
                    const real *from = dy + (o * place->height + place->top + t * m + j) * place->width + place->left;
                    memcpy(row + j * row_step, from, width * sizeof(real));
                } else
                    memset(row + j * row_step, 0, width * sizeof(real));
            }
            if (db) bias += FN(sum_run)(row, m * row_step);
            real *to = dM + o * step + t * s->cols;
            switch (m) {
#define CASE(n) \
    case n: FN(strip_diffs)(AT, n, row, row_step, width, to, apart); break;
                CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#undef CASE
            }
            long end = t < g.rows - 1 ? s->cols : step - t * s->cols, written = row_step < end ? row_step : end;
            for (int i = 0; i < TILE && written < end; ++i)
                memset(to + i * apart + written, 0, (end - written) * sizeof(real));
        }
        if (db) db[o] += bias;
    }
    for (int i = 0; i < TILE; ++i)
        FN(dots)(filters, taps, &g, dM + i * apart, step, R + i * R_apart, at, dU + i * filters * taps);
}
