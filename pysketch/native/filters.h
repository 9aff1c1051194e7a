// Filters W (O, C, kh, kw), any view, as the products take them, and their gradient back from how it was summed.
//
// Taps are numbers of a filter in the order (c, ky, kx); in strips (c, phase, part, kx) of the transformed filters: a
// column's rows phase, phase + phases, ... fall into parts of m rows, the last of which has what is left, and each
// becomes U = G g, TILE numbers (pysketch/convolution/strip_engine.py). The transpose leads back: dg = G^T dU.
#ifndef FILTERS
#define FILTERS
typedef struct {
    long filters, channels, kernel_h, kernel_w;
    long apart[4];                         // numbers of W from one to the next along each axis
    long phases, parts, outputs, of_part;  // of_part: numbers of a column of a part at most; 0: not in strips
    long shares;                           // of the gradient
    void *W;
    const void *G;  // (TILE, of_part)
    void *packed;   // (O / ROWS, taps, ROWS) or (O / ROWS, TILE, taps, ROWS); or (shares, [TILE,] O, taps)
    char *spoilt;   // (O), or NULL
} Filters;

static inline long filter_taps(const Filters *f) {
    return f->channels * f->kernel_w * (f->of_part ? f->phases * f->parts : f->kernel_h);
}

// Rows of a phase in a part.
static inline long rows_of_part(const Filters *f, long phase, long part) {
    long rows = (f->kernel_h - phase + f->phases - 1) / f->phases - part * f->outputs;
    if (part < f->parts - 1 && rows > f->outputs) rows = f->outputs;
    return rows < 0 ? 0 : rows;
}
#endif

// A group of ROWS filters.
static void FN(pack_piece)(const void *task, long group, long member) {
    const Filters *f = task;
    long first = group * ROWS, some = f->filters - first < ROWS ? f->filters - first : ROWS, taps = filter_taps(f);
    const real *W = (const real *)f->W + first * f->apart[0], *G = f->G;
    real *to = (real *)f->packed + group * taps * ROWS * (f->of_part ? TILE : 1);
    (void)member;
    if (!f->of_part) {
        for (long c = 0; c < f->channels; ++c)
            for (long ky = 0; ky < f->kernel_h; ++ky)
                for (long kx = 0; kx < f->kernel_w; ++kx, to += ROWS) {
                    const real *from = W + c * f->apart[1] + ky * f->apart[2] + kx * f->apart[3];
                    for (long r = 0; r < ROWS; ++r) to[r] = r < some ? from[r * f->apart[0]] : 0;
                }
        return;
    }
    for (long c = 0; c < f->channels; ++c)
        for (long phase = 0; phase < f->phases; ++phase)
            for (long part = 0; part < f->parts; ++part)
                for (long kx = 0; kx < f->kernel_w; ++kx, to += ROWS) {
                    long rows = rows_of_part(f, phase, part), ky = phase + part * f->outputs * f->phases;
                    const real *from = W + c * f->apart[1] + ky * f->apart[2] + kx * f->apart[3];
                    real g[TILE][ROWS] = {{0}};
                    for (long k = 0; k < rows; ++k)
                        for (long r = 0; r < some; ++r) g[k][r] = from[k * f->phases * f->apart[2] + r * f->apart[0]];
                    for (long i = 0; i < TILE; ++i) {
                        real U[ROWS] = {0};
                        for (long k = 0; k < rows; ++k)
                            for (long r = 0; r < ROWS; ++r) U[r] += G[i * f->of_part + k] * g[k][r];
                        memcpy(to + i * taps * ROWS, U, sizeof(U));
                    }
                }
}

// The gradient of one filter, all shares' sums in their order, is added to W; if one is not finite, it is only told.
static void FN(unpack_piece)(const void *task, long o, long member) {
    const Filters *f = task;
    long taps = filter_taps(f), tiles = f->of_part ? TILE : 1, t = 0;
    const real *G = f->G, *sums = (const real *)f->packed + o * taps;
    real *W = (real *)f->W + o * f->apart[0];
    (void)member;
    if (f->spoilt) {
        real check = 0;
        for (long k = 0; k < f->shares * tiles; ++k)
            for (long n = 0; n < taps; ++n) check += 0 * sums[k * f->filters * taps + n];
        f->spoilt[o] = check != 0;
        if (f->spoilt[o]) return;
    }
#define SUM(total, i)                                                                  \
    real total = 0;                                                                    \
    for (long share = 0; share < f->shares; ++share) total += sums[(share * tiles + i) * f->filters * taps + t];
    for (long c = 0; c < f->channels; ++c) {
        real *to = W + c * f->apart[1];
        if (!f->of_part)
            for (long ky = 0; ky < f->kernel_h; ++ky)
                for (long kx = 0; kx < f->kernel_w; ++kx, ++t) {
                    SUM(total, 0)
                    to[ky * f->apart[2] + kx * f->apart[3]] += total;
                }
        else
            for (long phase = 0; phase < f->phases; ++phase)
                for (long part = 0; part < f->parts; ++part)
                    for (long kx = 0; kx < f->kernel_w; ++kx, ++t) {
                        long rows = rows_of_part(f, phase, part), ky = phase + part * f->outputs * f->phases;
                        real dg[TILE] = {0};
                        for (long i = 0; i < TILE; ++i) {
                            SUM(dU, i)
                            for (long k = 0; k < rows; ++k) dg[k] += G[i * f->of_part + k] * dU;
                        }
                        for (long k = 0; k < rows; ++k)
                            to[(ky + k * f->phases) * f->apart[2] + kx * f->apart[3]] += dg[k];
                    }
    }
#undef SUM
}
