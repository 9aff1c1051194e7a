// What is done pixel by pixel, with images (N, C, H, W) of which each is contiguous: CHUNK numbers of one are a piece.
#ifndef PIXELS
#define PIXELS
#define CHUNK 8192
#define MAX_TERMS 8
typedef struct {
    long size, pieces;          // numbers of an image, and pieces
    long y_image, x_image[MAX_TERMS];  // numbers from an image to the next
    long terms;
    const void *x[MAX_TERMS];
    void *y;
    double slope;
} Pixels;
#endif

#define PIECE                                                                                       \
    const Pixels *p = task;                                                                         \
    long image = index / p->pieces, start = index % p->pieces * CHUNK;                              \
    long count = p->size - start < CHUNK ? p->size - start : CHUNK;                                 \
    real *y = (real *)p->y + image * p->y_image + start;                                            \
    const real *x = (const real *)p->x[0] + image * p->x_image[0] + start;                          \
    (void)member;

// y = the sum of all x, in their order; y may be the first.
static void FN(sum_pixels)(const void *task, long index, long member) {
    PIECE
    if (p->terms == 1 && y != x) memcpy(y, x, count * sizeof(real));
    for (long k = 1; k < p->terms; ++k) {
        const real *more = (const real *)p->x[k] + image * p->x_image[k] + start;
        for (long j = 0; j < count; ++j) y[j] = x[j] + more[j];
        x = y;
    }
}

// y = x where x > 0 or is no number, slope x elsewhere.
static void FN(rectify_pixels)(const void *task, long index, long member) {
    PIECE
    real slope = (real)p->slope;
    if (slope == 0)
        for (long j = 0; j < count; ++j) y[j] = x[j] < 0 ? 0 : x[j];
    else
        for (long j = 0; j < count; ++j) y[j] = x[j] > 0 || x[j] != x[j] ? x[j] : slope * x[j];
}

// y = dy where x > 0, slope dy elsewhere.
static void FN(gate_pixels)(const void *task, long index, long member) {
    PIECE
    const real *by = (const real *)p->x[1] + image * p->x_image[1] + start;
    real slope = (real)p->slope;
    for (long j = 0; j < count; ++j) y[j] = by[j] > 0 ? x[j] : slope * x[j];
}
#undef PIECE
