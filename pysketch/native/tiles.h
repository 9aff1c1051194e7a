// Winograd's filtering in both directions of an image: pysketch/convolution/tile_engine.py tells the algorithm.
//
// A tile is 8 x 8 pixels, of which F(m x m, r x r) makes m x m outputs; tiles are m pixels apart. The slab's rows and
// columns are taken apart by their remainder by m, so that what tiles beside each other see lies side by side:
//
//     slab[c][a][k][b][t] = x[c][top + m b + a][left + m t + k],    a, k < m,  b < down + more,  t < wide
//
// Pixel (p, q) of tile f = b wide + t is in the plane (p % m, q % m) at f + p / m wide + q / m. So all tiles of a block
// are one row, of down x wide; the `more` = 7 / m at the end of each row of tiles are none. With j a tile's transformed
// columns, i its rows, and q one of the pairs (1, 2), (3, 4), (5, 6), (0, 7) of j, those of the points a and -a:
//
//     V[j][i][c][f], j in q   = B^T x B          M[j][i][o][f] = the products of U[j][i] and V[j][i] over c
//     out[o][r][k][f]        += what the two j of q give to row r, column k of tile f's outputs A^T M A
//
// f runs in panels of COLS vectors, filters in groups of `some`: M is small, V of a panel and a j, i comes from the
// first cache. A turn is made for `pairs` of q. If that is all, V is made channel by channel, each from a slab that
// stays in the first cache. All of U is read once in a block.
#ifndef TILES
#define TILES
typedef struct {
    long outputs;               // m
    long down, across;          // tiles of a block
    long more, wide, plane;     // 7 / m; across + more; numbers of a plane of the slab
    long count, panels, panel;  // tiles, also those that are none; in how many panels of how many
    long pairs, some;           // of a turn, 1, 2 or 4; filters of a group
} Tiles;

static Tiles tiles_of(long outputs, long pairs, long filters, long rows, long width, long item) {
    long lanes = VECTOR_BYTES / item;
    Tiles t = {.outputs = outputs, .pairs = pairs, .some = pairs < 4 ? 32 : 16};
    t.down = (rows + outputs - 1) / outputs, t.across = (width + outputs - 1) / outputs;
    t.more = (TILE - 1) / outputs;
    t.wide = t.across + t.more;
    t.plane = (t.down + t.more) * t.wide;
    t.count = ((t.down - 1) * t.wide + t.across + lanes - 1) / lanes * lanes;
    t.panel = t.count < COLS * lanes ? t.count : COLS * lanes;
    t.panels = (t.count + t.panel - 1) / t.panel;
    while (t.some / 2 >= ROWS && t.some / 2 >= filters) t.some /= 2;
    return t;
}

// Numbers of the slab, V and M, out and a row of results.
static long tiles_numbers(const Tiles *t, long channels, long filters, long lanes) {
    long pixels = t->outputs * t->outputs, all = t->panels * t->panel, whole = t->pairs < 4;
    long slab = (whole ? channels : 1) * pixels * t->plane + lanes, out = (whole ? filters : t->some) * pixels * all;
    long products = 2 * t->pairs * TILE * (channels * all + t->some * t->panel);
    return slab + products + out + (t->across + lanes) * t->outputs;
}
#endif

static long FN(tiles_scratch)(const Slab *s, long outputs, long pairs, long filters, long rows, long width) {
    Tiles t = tiles_of(outputs, pairs, filters, rows, width, sizeof(real));
    long numbers = tiles_numbers(&t, s->channels, filters, LANES);
    return s->channels * (long)sizeof(long) + numbers * (long)sizeof(real) + 2 * LINE;  // where `at` and V begin
}

// Numbers of a row by their remainder by m, and in a row again: where the CPU has permutations of two vectors, m
// vectors at a time. Vector k of those by remainders takes from vectors 0..i + 1 of the row what apart[k][i] says; the
// same the other way round, together[k][i].
typedef struct {
    FN(lanes) apart[TILE - 1][TILE - 2], together[TILE - 1][TILE - 2];
} FN(Orders);

static void FN(fill_orders)(FN(Orders) *orders, long m) {
    for (long k = 0; k < m; ++k)
        for (long i = 0; i < LANES; ++i) {
            long at = m * i + k, source = at / LANES, place = at % LANES;
            for (long s = 1; s < m; ++s) orders->apart[k][s - 1][i] = source == s ? LANES + place : s > 1 ? i : place;
            at = LANES * k + i, source = at % m, place = at / m;
            for (long s = 1; s < m; ++s)
                orders->together[k][s - 1][i] = source == s ? LANES + place : s > 1 ? i : place;
        }
}

// The slab of one channel x (H, W): rows and columns of it that are m apart; 0 outside.
INLINE void FN(take_apart)(const int m, const Slab *s, const Tiles *t, const FN(Orders) *orders, const real *x,
                           real *slab) {
#ifdef PERMUTES
    for (long first = 0; first < t->wide; first += LANES) {
        unsigned some[TILE], stored = FN(some)(0, t->wide - first);
        UNROLL
        for (int k = 0; k < m; ++k) {
            long at = s->left + m * first + k * LANES;
            some[k] = FN(some)(-at, s->width - at);
        }
        for (long b = 0; b < t->down + t->more; ++b)
            for (long a = 0, y = s->top + m * b; a < m; ++a, ++y) {
                const real *row = x + y * s->width + s->left + m * first;
                real *to = slab + a * m * t->plane + b * t->wide + first;
                VEC from[TILE];
                int is_in = y >= 0 && y < s->height;
                UNROLL
                for (int k = 0; k < m; ++k) from[k] = FN(load_some)(row + k * LANES, is_in ? some[k] : 0);
                UNROLL
                for (int k = 0; k < m; ++k, to += t->plane) {
                    VEC v = from[0];
                    UNROLL
                    for (int i = 1; i < m; ++i) v = FN(merge)(v, orders->apart[k][i - 1], from[i]);
                    FN(store_some)(to, stored, v);
                }
            }
    }
#else
    (void)orders;
    for (long b = 0; b < t->down + t->more; ++b)
        for (long a = 0, y = s->top + m * b; a < m; ++a, ++y) {
            const real *row = x + y * s->width;
            real *to = slab + a * m * t->plane + b * t->wide;
            int is_in = y >= 0 && y < s->height;
            for (long i = 0, at = s->left; i < t->wide; ++i)
                for (long k = 0; k < m; ++k, ++at)
                    to[k * t->plane + i] = is_in && at >= 0 && at < s->width ? row[at] : 0;
        }
#endif
}

// row[m t + k] = from[k apart + t], k < m, t < count; and more, up to the next multiple of LANES of t.
INLINE void FN(put_together)(const int m, const FN(Orders) *orders, const real *from, long apart, long count,
                             real *row) {
#ifdef PERMUTES
    for (long t = 0; t < count; t += LANES) {
        VEC of[TILE];
        UNROLL
        for (int k = 0; k < m; ++k) of[k] = FN(load)(from + k * apart + t);
        UNROLL
        for (int s = 0; s < m; ++s, row += LANES) {
            VEC v = of[0];
            UNROLL
            for (int k = 1; k < m; ++k) v = FN(merge)(v, orders->together[s][k - 1], of[k]);
            FN(store)(row, v);
        }
    }
#else
    (void)orders;
    for (long t = 0; t < count; ++t, row += m)
        UNROLL
        for (int k = 0; k < m; ++k) row[k] = from[k * apart + t];
#endif
}

static void FN(fill_tiles)(const Slab *s, const Tiles *t, const FN(Orders) *orders, const real *x, real *slab) {
    switch (t->outputs) {
#define CASE(n) \
    case n: FN(take_apart)(n, s, t, orders, x, slab); break;
        CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#undef CASE
    }
}

// A channel's part of V (2, 8, panels, C, panel) of pair q; each (j, i) is `apart` numbers from the next.
INLINE void FN(transform_pair)(const Tiles *t, const int q, const real *BT, const real *slab, long channels, long apart,
                               real *V) {
    long m = t->outputs, rows[TILE], cols[TILE];
    for (long p = 0; p < TILE; ++p) {
        rows[p] = p % m * m * t->plane + p / m * t->wide;
        cols[p] = p % m * t->plane + p / m;
    }
    const real *b = BT + TILE * (q ? 2 * q - 1 : 0), *last = BT + TILE * (TILE - 1);
    for (long f = 0, in_panel = 0; f < t->count; f += LANES) {
        VEC v[TILE], u[TILE];
        UNROLL
        for (int p = 0; p < TILE; ++p) {
            const real *from = slab + rows[p] + f;
            __asm__("" : "+r"(from));  // one address a row, not one a number
            VEC even = b[2] * FN(load)(from + cols[2]) + b[4] * FN(load)(from + cols[4]);
            even += b[6] * FN(load)(from + cols[6]);
            if (q) {
                VEC odd = b[1] * FN(load)(from + cols[1]) + b[3] * FN(load)(from + cols[3]);
                odd += b[5] * FN(load)(from + cols[5]);
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
        real *to = V;
        UNROLL
        for (int i = 0; i < TILE; ++i, to += apart) {
            FN(store)(to, v[i]);
            FN(store)(to + TILE * apart, u[i]);
        }
        V += LANES, in_panel += LANES;
        if (in_panel == t->panel) V += (channels - 1) * t->panel, in_panel = 0;
    }
}

static void FN(transform_tiles)(const Tiles *t, int q, const real *BT, const real *slab, long channels, long apart,
                                real *V) {
    if (q)
        FN(transform_pair)(t, q, BT, slab, channels, apart, V);
    else
        FN(transform_pair)(t, 0, BT, slab, channels, apart, V);
}

// What pair q gives to the outputs (m, m, apart) of one filter and a panel of `count`; each (j, i) of M (2, 8) is
// `step` numbers from the next.
INLINE void FN(back_of_tiles)(const real *AT, const int m, const int q, const real *M, long step, long count, real *out,
                              long apart) {
    for (long f = 0; f < count; f += LANES, M += LANES, out += LANES) {
        VEC v[TILE], y[TILE], z[TILE];
        const real *from = M;
        UNROLL
        for (int i = 0; i < TILE; ++i, from += step) v[i] = FN(load)(from);
        FN(transform_back)(AT, m, v, y);
        UNROLL
        for (int i = 0; i < TILE; ++i, from += step) v[i] = FN(load)(from);
        FN(transform_back)(AT, m, v, z);
        UNROLL
        for (int r = 0; r < m; ++r) {
            real *to = out + r * m * apart;
            if (q == 0) {
                FN(store)(to, FN(load)(to) + y[r]);
                FN(store)(to + (m - 1) * apart, FN(load)(to + (m - 1) * apart) + z[r]);
                continue;
            }
            VEC sum = y[r] + z[r], difference = y[r] - z[r];
            UNROLL
            for (int k = 0; k < m; ++k, to += apart) {
                VEC both = k % 2 ? difference : sum;
                FN(store)(to, q == 1 ? both : FN(load)(to) + AT[TILE * k + 2 * q - 1] * both);
            }
        }
    }
}

static void FN(add_tiles)(const real *AT, long m, int q, const real *M, long step, long count, real *out, long apart) {
    switch (8 * m + q) {
#define CASE(n, pair) \
    case 8 * n + pair: FN(back_of_tiles)(AT, n, pair, M, step, count, out, apart); break;
#define CASES(n) CASE(n, 0) CASE(n, 1) CASE(n, 2) CASE(n, 3)
        CASES(2) CASES(3) CASES(4) CASES(5) CASES(6) CASES(7)
#undef CASES
#undef CASE
    }
}

// Rows of filter o from its outputs (m, m, apart), finished.
static void FN(finish_tiles)(const Tiles *t, const FN(Orders) *orders, const Finish *g, const real *out, long apart,
                             real bias, const real *made, real *y, long o, long rows, long width, real *row) {
    for (long r = 0; r < rows; ++r) {
        const real *from = out + r % t->outputs * t->outputs * apart + r / t->outputs * t->wide;
        switch (t->outputs) {
#define CASE(n) \
    case n: FN(put_together)(n, orders, from, apart, t->across, row); break;
            CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#undef CASE
        }
        FN(finish_row)(g, row, width, bias, made, y, o, r);
    }
}

// Results (filters, rows, width) of one block, as `direct`; U (filters / ROWS, 8, 8, C, ROWS), AT (m, 8), BT (8, 8).
static void FN(tiles)(const Slab *s, long outputs, long pairs, const Finish *g, const real *AT, const real *BT,
                      const real *x, const real *U, const real *bias, const real *made, real *y, long filters,
                      long rows, long width, char *scratch) {
    const Tiles tiles = tiles_of(outputs, pairs, filters, rows, width, sizeof(real)), *t = &tiles;
    long C = s->channels, panel = t->panel, all = t->panels * panel, pixels = outputs * outputs, turns = 4 / t->pairs;
    long apart = C * all, step = t->some * panel, image = pixels * t->plane, *at = (long *)scratch;
    for (long c = 0; c < C; ++c) at[c] = c * panel;
    real *V = (real *)(scratch + (C * sizeof(long) + LINE - 1) / LINE * LINE), *M = V + 2 * t->pairs * TILE * apart;
    real *out = M + 2 * t->pairs * TILE * step, *row = out + (turns > 1 ? filters : t->some) * pixels * all;
    real *slab = row + (t->across + LANES - 1) / LANES * LANES * outputs;
    FN(Orders) orders;
    FN(fill_orders)(&orders, outputs);
    memset(slab + (turns > 1 ? C : 1) * image, 0, LANES * sizeof(real));
    for (long turn = 0; turn < turns; ++turn) {
        int first_q = 1 + turn * t->pairs;  // pairs 1, 2, 3, 0: the first one fills out, which need not be zeros
        for (long c = 0; c < C; ++c) {
            real *own = slab + (turns > 1 ? c : 0) * image;
            if (turn == 0) FN(fill_tiles)(s, t, &orders, x + c * s->height * s->width, own);
            for (int k = 0; k < t->pairs; ++k)
                FN(transform_tiles)(t, (first_q + k) % 4, BT, own, C, apart, V + 2 * k * TILE * apart + c * panel);
        }
        for (long first = 0; first < filters; first += t->some) {
            long end = first + t->some < filters ? first + t->some : filters;
            real *outs = out + (turns > 1 ? first : 0) * pixels * all;
            for (long n = 0; n < t->panels; ++n) {
                long count = t->count - n * panel < panel ? t->count - n * panel : panel;
                for (int ji = 0; ji < 2 * t->pairs * TILE; ++ji) {
                    int q = (first_q + ji / (2 * TILE)) % 4, second = ji / TILE % 2;
                    int j = q ? 2 * q - 1 + second : second * (TILE - 1);
                    const real *u = U + (j * TILE + ji % TILE) * C * ROWS, *v = V + ji * apart + n * C * panel;
                    for (long o = first; o < end; o += ROWS)
                        FN(multiply)(end - o < ROWS ? end - o : ROWS, count, C, u + o * TILE * TILE * C, v, at,
                                     M + ji * step + (o - first) * panel, panel);
                }
                for (long o = 0; o < end - first; ++o)
                    for (int k = 0; k < t->pairs; ++k)
                        FN(add_tiles)(AT, outputs, (first_q + k) % 4, M + 2 * k * TILE * step + o * panel, step, count,
                                      outs + o * pixels * all + n * panel, all);
            }
            for (long o = first; o < end && turn == turns - 1; ++o)
                FN(finish_tiles)(t, &orders, g, outs + (o - first) * pixels * all, all, bias ? bias[o] : 0, made, y, o,
                                 rows, width, row);
        }
    }
}
