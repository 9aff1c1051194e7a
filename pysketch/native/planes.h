// What a Deconvolution repeats whose stamps lie side by side (pysketch/convolution/stamping.py). Shared by planes, one
// channel of one image each.
#ifndef PLANES
#define PLANES
typedef struct {
    long channels, height, width;           // of x
    long kernel_h, kernel_w;                // of a stamp
    long x_image, y_image;                  // numbers from an image to the next
    const void *x, *w, *bias;
    void *y;
} Planes;
#endif

// y[n][c][i kh + ky][j kw + kx] = w[c][ky][kx] x[n][c][i][j] + bias[c]
static void FN(stamp_plane)(const void *task, long index, long member) {
    const Planes *p = task;
    long image = index / p->channels, c = index % p->channels, kh = p->kernel_h, kw = p->kernel_w;
    const real *x = (const real *)p->x + image * p->x_image + c * p->height * p->width;
    const real *w = (const real *)p->w + c * kh * kw;
    real *y = (real *)p->y + image * p->y_image + c * p->height * kh * p->width * kw;
    real bias = p->bias ? ((const real *)p->bias)[c] : 0;
    (void)member;
    for (long i = 0; i < p->height; ++i, x += p->width)
        for (long ky = 0; ky < kh; ++ky, y += p->width * kw) {
            if (kw == 2) {
                real left = w[2 * ky], right = w[2 * ky + 1];
                for (long j = 0; j < p->width; ++j) {
                    y[2 * j] = left * x[j] + bias;
                    y[2 * j + 1] = right * x[j] + bias;
                }
                continue;
            }
            for (long kx = 0; kx < kw; ++kx)
                for (long j = 0; j < p->width; ++j) y[j * kw + kx] = w[ky * kw + kx] * x[j] + bias;
        }
}

// y[n][c][i][j] = sum over (ky, kx) of w[c][ky][kx] x[n][c][i kh + ky][j kw + kx]: the transpose. height, width: of y.
static void FN(unstamp_plane)(const void *task, long index, long member) {
    const Planes *p = task;
    long image = index / p->channels, c = index % p->channels, kh = p->kernel_h, kw = p->kernel_w;
    const real *x = (const real *)p->x + image * p->x_image + c * p->height * kh * p->width * kw;
    const real *w = (const real *)p->w + c * kh * kw;
    real *y = (real *)p->y + image * p->y_image + c * p->height * p->width;
    (void)member;
    for (long i = 0; i < p->height; ++i, y += p->width) {
        for (long j = 0; j < p->width; ++j) y[j] = 0;
        for (long ky = 0; ky < kh; ++ky, x += p->width * kw)
            for (long kx = 0; kx < kw; ++kx)
                for (long j = 0; j < p->width; ++j) y[j] += w[ky * kw + kx] * x[j * kw + kx];
    }
}
