// Convolution without columns: the products are taken from the image itself, row by row (see multiply.h).
//
// A block is some rows of outputs. What it sees becomes a slab, whose rows lie one behind the other: rows of outputs
// are as far apart as the slab's, and between them are sums of what is not beside each other, which nobody reads.

// Bytes of scratch memory that a block takes.
static long FN(direct_scratch)(const Slab *s, long rows, long width) {
    long taps = s->channels * s->kernel_h * s->kernel_w, count = (rows - 1) * s->cols + width;
    long slab = slab_size(s) + (COLS + 1) * LANES, sums = ROWS * (count + COLS * LANES);
    return taps * (long)sizeof(long) + (slab + sums) * (long)sizeof(real) + 4 * LINE;
}

// Results (filters, rows, width) of one block. w (filters / ROWS, taps, ROWS); bias (filters) or NULL.
static void FN(direct)(const Slab *s, const Finish *f, const real *x, const real *w, const real *bias, const real *made,
                       real *y, long filters, long rows, long width, char *scratch) {
    long taps = s->channels * s->kernel_h * s->kernel_w, count = (rows - 1) * s->cols + width;
    long step = (count + LANES - 1) / LANES * LANES;
    long *at = (long *)scratch;
    real *sums = (real *)(scratch + (taps * sizeof(long) + LINE - 1) / LINE * LINE), *slab = sums + ROWS * step;
    tap_offsets(s, s->channels, at);
    FN(fill_slab)(s, x, slab);
    memset(slab + slab_size(s), 0, LANES * sizeof(real));
    for (long o = 0; o < filters; o += ROWS, w += ROWS * taps) {
        long some = filters - o < ROWS ? filters - o : ROWS;
        FN(multiply)(some, count, taps, w, slab, at, sums, step);
        for (long k = 0; k < some; ++k)
            for (long r = 0; r < rows; ++r)
                FN(finish_row)(f, sums + k * step + r * s->cols, width, bias ? bias[o + k] : 0, made, y, o + k, r);
    }
}
