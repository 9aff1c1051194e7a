// A slab is the part of an image that a block of outputs sees, as `multiply` likes it: zeros where it hangs over the
// image, and pixels a stride apart beside each other. Of an image x (C, H, W),
//
//     slab[c][p][q][j][i] = x[c][top + j sy + p][left + i sx + q],    p < sy, q < sx, j < rows, i < cols,
//
// so that a tap (c, ky, kx) of a filter, dilated by (dy, dx), sees its pixels one behind the other from `tap_offset`
// on.
#ifndef SLAB
#define SLAB
typedef struct {
    long channels, height, width;  // of the image
    long kernel_h, kernel_w, sy, sx, dy, dx;
    long top, left;                // where the slab begins, which may be outside the image
    long rows, cols;               // of each phase
} Slab;

// What `rows` rows of `width` outputs see, from output (top, left) on; the slab given is that of output (0, 0).
static inline Slab slab_of(const Slab *whole, long top, long left, long rows, long width) {
    Slab s = *whole;
    s.top += top * s.sy;
    s.left += left * s.sx;
    s.rows = rows + (s.kernel_h - 1) * s.dy / s.sy;
    s.cols = width + (s.kernel_w - 1) * s.dx / s.sx;
    return s;
}

static inline long slab_size(const Slab *s) { return s->channels * s->sy * s->sx * s->rows * s->cols; }

static inline long tap_offset(const Slab *s, long c, long ky, long kx) {
    long y = ky * s->dy, x = kx * s->dx;
    return (((c * s->sy + y % s->sy) * s->sx + x % s->sx) * s->rows + y / s->sy) * s->cols + x / s->sx;
}

// at (channels kernel_h kernel_w): where each tap's pixels begin, of so many channels.
static void tap_offsets(const Slab *s, long channels, long *at) {
    for (long c = 0; c < channels; ++c)
        for (long ky = 0; ky < s->kernel_h; ++ky)
            for (long kx = 0; kx < s->kernel_w; ++kx) *at++ = tap_offset(s, c, ky, kx);
}
#endif

static void FN(fill_slab)(const Slab *s, const real *x, real *slab) {
    for (long c = 0; c < s->channels; ++c)
        for (long p = 0; p < s->sy; ++p)
            for (long q = 0; q < s->sx; ++q) {
                // the columns first..last are the image's
                long first = s->left + q >= 0 ? 0 : (s->sx - 1 - s->left - q) / s->sx;
                long last = s->width <= s->left + q ? 0 : (s->width - s->left - q + s->sx - 1) / s->sx;
                if (last > s->cols) last = s->cols;
                if (first > last) first = last;
                for (long j = 0; j < s->rows; ++j, slab += s->cols) {
                    long y = s->top + j * s->sy + p;
                    if (y < 0 || y >= s->height) {
                        memset(slab, 0, s->cols * sizeof(real));
                        continue;
                    }
                    const real *row = x + (c * s->height + y) * s->width + s->left + q;
                    for (long i = 0; i < first; ++i) slab[i] = 0;
                    if (s->sx == 1)
                        memcpy(slab + first, row + first, (last - first) * sizeof(real));
                    else if (s->sx == 2)
                        for (long i = first; i < last; ++i) slab[i] = row[i * 2];
                    else
                        for (long i = first; i < last; ++i) slab[i] = row[i * s->sx];
                    for (long i = last; i < s->cols; ++i) slab[i] = 0;
                }
            }
}
