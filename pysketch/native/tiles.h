// Winograd's filtering in both directions of an image: pysketch/convolution/tile_engine.py tells the algorithm.
//
// A tile is 8 x 8 pixels, of which F(m x m, r x r) makes m x m outputs; tiles are m pixels apart. The slab's rows and
// columns are taken apart by their remainder by m, so that what two tiles beside each other see lies side by side:
//
//     slab[c][a][k][b][t] = x[c][top + m b + a][left + m t + k],    a, k < m,  b < down + more,  t < wide
//
// Pixel (p, q) of tile f = b wide + t is plane (p % m, q % m) at f + p / m wide + q / m. So all tiles of a block are one
// row, down x wide but for the last `more` = 7 / m, which are no tiles, as those at the end of each row of tiles. With
// j a tile's transformed columns, i its rows, q one of the pairs (1, 2), (3, 4), (5, 6), (0, 7) of j:
//
//     V[j][i][c][f], j in q   = B^T x B          M[j][i][o][f] = the products of U[j][i] and V[j][i] over c
//     out[o][r][k][f]        += what the two j of q give to row r, column k of tile f's outputs A^T M A
//
// Points a and -a are a pair: what they take of the even columns is the same, of the odd ones the opposite, and so is
// what they give to them. f runs in panels of COLS vectors, filters in groups of SOME: M is small, V of a panel and a j, i
// is read from the first cache, the filters of a group and a pair from the second one; all of U once in a block.
#ifndef TILES
#define TILES
#define SOME 32L  // filters of a group
typedef struct {
    long outputs;              // m
    long down, across;         // tiles of a block
    long more, wide, plane;    // 7 / m; across + more; numbers of a plane of the slab
    long count, panels, panel;  // tiles, those between rows too; in how many panels of how many
} Tiles;

static Tiles tiles_of(long outputs, long rows, long width, long lanes) {
    Tiles t = {.outputs = outputs, .down = (rows + outputs - 1) / outputs, .across = (width + outputs - 1) / outputs};
    t.more = (TILE - 1) / outputs;
    t.wide = t.across + t.more;
    t.plane = (t.down + t.more) * t.wide;
    t.count = ((t.down - 1) * t.wide + t.across + lanes - 1) / lanes * lanes;
    t.panel = t.count < COLS * lanes ? t.count : COLS * lanes;
    t.panels = (t.count + t.panel - 1) / t.panel;
    return t;
}

// Numbers of slab, V, M, out and a row of results.
static long tiles_numbers(const Tiles *t, long channels, long filters, long lanes) {
    long pixels = t->outputs * t->outputs, all = t->panels * t->panel;
    return channels * pixels * t->plane + 2 * lanes + 2 * TILE * channels * all + 2 * TILE * SOME * t->panel +
           filters * pixels * all + (t->across + 2 * lanes) * t->outputs;
}
#endif

static long FN(tiles_scratch)(const Slab *s, long outputs, long filters, long rows, long width) {
    Tiles t = tiles_of(outputs, rows, width, LANES);
    return s->channels * (long)sizeof(long) + tiles_numbers(&t, s->channels, filters, LANES) * (long)sizeof(real) + 4 * LINE;
}

// A row's numbers that are m apart, and rows of such again; where the CPU has permutations of two vectors, m vectors at a
// time. apart[k][s] says which numbers of vectors 0..s + 1 go into vector k, together[k][s] the same the other way round.
typedef struct {
    FN(lanes) apart[TILE - 1][TILE - 2], together[TILE - 1][TILE - 2];
} FN(Orders);

static void FN(fill_orders)(FN(Orders) *orders, long m) {
    for (long k = 0; k < m; ++k)
        for (long i = 0; i < LANES; ++i) {
            long at = m * i + k, source = at / LANES, place = at % LANES;
            for (long s = 0; s < m - 1; ++s) orders->apart[k][s][i] = source == s + 1 ? LANES + place : s ? i : place;
            at = LANES * k + i, source = at % m, place = at / m;
            for (long s = 0; s < m - 1; ++s) orders->together[k][s][i] = source == s + 1 ? LANES + place : s ? i : place;
        }
}

// to[k apart + t] = row[left + m t + k], k < m, t < count; 0 outside of the row's `width` numbers.
INLINE void FN(take_apart)(const int m, const FN(Orders) *orders, const real *row, long width, long left, long count,
                           real *to, long apart) {
#ifdef PERMUTES
    for (long t = 0; t < count; t += LANES) {
        VEC from[TILE];
#pragma GCC unroll 8
        for (int s = 0; s < m; ++s) {
            long at = left + m * t + s * LANES;
            from[s] = FN(load_some)(row + at, FN(some)(-at, width - at));
        }
#pragma GCC unroll 8
        for (int k = 0; k < m; ++k) {
            VEC v = from[0];
#pragma GCC unroll 8
            for (int s = 1; s < m; ++s) v = FN(merge)(v, orders->apart[k][s - 1], from[s]);
            FN(store_some)(to + k * apart + t, FN(some)(0, count - t), v);
        }
    }
#else
    (void)orders;
    for (long t = 0; t < count; ++t)
        for (long k = 0, at = left + m * t; k < m; ++k, ++at) to[k * apart + t] = at >= 0 && at < width ? row[at] : 0;
#endif
}

// row[m t + k] = from[k apart + t], k < m, t < count; and more, up to the next multiple of LANES of t.
INLINE void FN(put_together)(const int m, const FN(Orders) *orders, const real *from, long apart, long count, real *row) {
#ifdef PERMUTES
    for (long t = 0; t < count; t += LANES) {
        VEC of[TILE];
#pragma GCC unroll 8
        for (int k = 0; k < m; ++k) of[k] = FN(load)(from + k * apart + t);
#pragma GCC unroll 8
        for (int s = 0; s < m; ++s, row += LANES) {
            VEC v = of[0];
#pragma GCC unroll 8
            for (int k = 1; k < m; ++k) v = FN(merge)(v, orders->together[s][k - 1], of[k]);
            FN(store)(row, v);
        }
    }
#else
    (void)orders;
    for (long t = 0; t < count; ++t, row += m)
#pragma GCC unroll 8
        for (int k = 0; k < m; ++k) row[k] = from[k * apart + t];
#endif
}

static void FN(fill_tiles)(const Slab *s, const Tiles *t, const FN(Orders) *orders, const real *x, real *slab) {
    long m = t->outputs;
    for (long c = 0; c < s->channels; ++c, slab += m * m * t->plane)
        for (long b = 0; b < t->down + t->more; ++b)
            for (long a = 0; a < m; ++a) {
                long y = s->top + m * b + a;
                real *to = slab + a * m * t->plane + b * t->wide;
                const real *row = x + (c * s->height + y) * s->width;
                if (y < 0 || y >= s->height)
                    for (long k = 0; k < m; ++k) memset(to + k * t->plane, 0, t->wide * sizeof(real));
                else
                    switch (m) {
#define CASE(n) \
    case n: FN(take_apart)(n, orders, row, s->width, s->left, t->wide, to, t->plane); break;
                        CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#undef CASE
                    }
            }
}

// V (2, 8, panels, C, panel) of pair q.
static void FN(transform_tiles)(const Slab *s, const Tiles *t, const int q, const real *BT, const real *slab, real *V) {
    long m = t->outputs, rows[TILE], cols[TILE], apart = t->panels * t->panel * s->channels;
    for (long p = 0; p < TILE; ++p) {
        rows[p] = p % m * m * t->plane + p / m * t->wide;
        cols[p] = p % m * t->plane + p / m;
    }
    const real *b = BT + TILE * (q ? 2 * q - 1 : 0), *last = BT + TILE * (TILE - 1);
    for (long c = 0; c < s->channels; ++c, slab += m * m * t->plane)
        for (long f = 0; f < t->count; f += LANES) {
            VEC v[TILE], u[TILE];
#pragma GCC unroll 8
            for (int p = 0; p < TILE; ++p) {
                const real *from = slab + rows[p] + f;
                VEC even = b[2] * FN(load)(from + cols[2]) + b[4] * FN(load)(from + cols[4]) + b[6] * FN(load)(from + cols[6]);
                if (q) {
                    VEC odd = b[1] * FN(load)(from + cols[1]) + b[3] * FN(load)(from + cols[3]) + b[5] * FN(load)(from + cols[5]);
                    v[p] = even + odd;
                    u[p] = even - odd;
                } else {
                    v[p] = even + b[0] * FN(load)(from + cols[0]);
                    u[p] = last[1] * FN(load)(from + cols[1]) + last[3] * FN(load)(from + cols[3]) +
                           last[5] * FN(load)(from + cols[5]) + last[7] * FN(load)(from + cols[7]);
                }
            }
            FN(transform)(BT, v);
            FN(transform)(BT, u);
            real *to = V + (f / t->panel * s->channels + c) * t->panel + f % t->panel;
#pragma GCC unroll 8
            for (int i = 0; i < TILE; ++i, to += apart) {
                FN(store)(to, v[i]);
                FN(store)(to + TILE * apart, u[i]);
            }
        }
}

// What pair q gives to the outputs (m, m, apart) of one filter and a panel of `count`: M (2, 8, SOME, panel).
INLINE void FN(back_of_tiles)(const real *AT, const int m, const int q, const real *M, long panel, long count, real *out,
                              long apart) {
    for (long f = 0; f < count; f += LANES, M += LANES, out += LANES) {
        VEC v[TILE], y[TILE], z[TILE];
#pragma GCC unroll 8
        for (int i = 0; i < TILE; ++i) v[i] = FN(load)(M + i * SOME * panel);
        FN(transform_back)(AT, m, v, y);
#pragma GCC unroll 8
        for (int i = 0; i < TILE; ++i) v[i] = FN(load)(M + (TILE + i) * SOME * panel);
        FN(transform_back)(AT, m, v, z);
#pragma GCC unroll 8
        for (int r = 0; r < m; ++r) {
            real *to = out + r * m * apart;
            if (q == 0) {
                FN(store)(to, FN(load)(to) + y[r]);
                FN(store)(to + (m - 1) * apart, FN(load)(to + (m - 1) * apart) + z[r]);
                continue;
            }
            VEC even = y[r] + z[r], odd = y[r] - z[r];
#pragma GCC unroll 8
            for (int k = 0; k < m; ++k, to += apart) {
                VEC given = k % 2 ? odd : even;
                FN(store)(to, q == 1 ? given : FN(load)(to) + AT[TILE * k + 2 * q - 1] * given);
            }
        }
    }
}

static void FN(add_tiles)(const real *AT, const int m, const int q, const real *M, long panel, long count, real *out,
                          long apart) {
    switch (8 * m + q) {
#define CASE(n, pair) \
    case 8 * n + pair: FN(back_of_tiles)(AT, n, pair, M, panel, count, out, apart); break;
#define CASES(n) CASE(n, 0) CASE(n, 1) CASE(n, 2) CASE(n, 3)
        CASES(2) CASES(3) CASES(4) CASES(5) CASES(6) CASES(7)
#undef CASES
#undef CASE
    }
}

// Results (filters, rows, width) of one block, as `direct`; U (filters / ROWS, 8, 8, C, ROWS), AT (m, 8), BT (8, 8).
static void FN(tiles)(const Slab *s, long outputs, const Finish *g, const real *AT, const real *BT, const real *x,
                      const real *U, const real *bias, const real *made, real *y, long filters, long rows, long width,
                      char *scratch) {
    const Tiles tiles = tiles_of(outputs, rows, width, LANES), *t = &tiles;
    long C = s->channels, panel = t->panel, all = t->panels * panel, pixels = outputs * outputs, *at = (long *)scratch;
    for (long c = 0; c < C; ++c) at[c] = c * panel;
    real *V = (real *)(scratch + (C * sizeof(long) + LINE - 1) / LINE * LINE), *M = V + 2 * TILE * C * all;
    real *out = M + 2 * TILE * SOME * panel, *row = out + filters * pixels * all;
    real *slab = row + (t->across + LANES - 1) / LANES * LANES * outputs;
    FN(Orders) orders;
    FN(fill_orders)(&orders, outputs);
    FN(fill_tiles)(s, t, &orders, x, slab);
    memset(slab + C * pixels * t->plane, 0, 2 * LANES * sizeof(real));
    for (int turn = 1; turn <= 4; ++turn) {
        int q = turn % 4, of[2] = {q ? 2 * q - 1 : 0, q ? 2 * q : TILE - 1};
        switch (q) {
            case 0: FN(transform_tiles)(s, t, 0, BT, slab, V); break;
            default: FN(transform_tiles)(s, t, q, BT, slab, V);
        }
        for (long first = 0; first < filters; first += SOME) {
            long end = first + SOME < filters ? first + SOME : filters;
            for (long n = 0; n < t->panels; ++n) {
                long count = t->count - n * panel < panel ? t->count - n * panel : panel;
                for (int ji = 0; ji < 2 * TILE; ++ji)
                    for (long o = first; o < end; o += ROWS)
                        FN(multiply)(end - o < ROWS ? end - o : ROWS, count, C,
                                     U + ((o / ROWS * TILE + of[ji / TILE]) * TILE + ji % TILE) * C * ROWS,
                                     V + (ji * t->panels + n) * C * panel, at, M + (ji * SOME + o - first) * panel, panel);
                for (long o = first; o < end; ++o)
                    FN(add_tiles)(AT, outputs, q, M + (o - first) * panel, panel, count, out + o * pixels * all + n * panel, all);
            }
        }
    }
    for (long o = 0; o < filters; ++o)
        for (long r = 0; r < rows; ++r) {
            const real *from = out + (o * outputs + r % outputs) * outputs * all + r / outputs * t->wide;
            switch (outputs) {
#define CASE(n) \
    case n: FN(put_together)(n, &orders, from, all, t->across, row); break;
                CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#undef CASE
            }
            FN(finish_row)(g, row, width, bias ? bias[o] : 0, made, y, o, r);
        }
}
