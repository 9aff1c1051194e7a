// What is done to a convolution's results on their way into the image: `Finish` of pysketch/convolution/rectifier.py.
#ifndef FINISH
#define FINISH
typedef struct {
    int rectifies;
    double slope;
    long height, width;        // of y, an image (O, height, width), and of made
    long top, left, down, along;  // row r, column j of the results are y's top + r down, left + j along
} Finish;
#endif

// A row of results from `sum` into row r of filter o of y. made: what a rectifier made, which gates, or NULL.
static void FN(finish_row)(const Finish *f, const real *sum, long count, real bias, const real *made, real *y, long o,
                           long r) {
    long start = (o * f->height + f->top + r * f->down) * f->width + f->left;
    real slope = (real)f->slope, *to = y + start;
    if (f->along != 1) {
        const real *by = made ? made + start : to;
        for (long j = 0; j < count; ++j) {
            real value = sum[j] + bias;
            int passes = made ? by[j * f->along] > 0 : !f->rectifies || value > 0 || value != value;
            to[j * f->along] = passes ? value : slope * value;
        }
    } else if (made) {
        const real *by = made + start;
        for (long j = 0; j < count; ++j) to[j] = by[j] > 0 ? sum[j] + bias : slope * (sum[j] + bias);
    } else if (!f->rectifies) {
        for (long j = 0; j < count; ++j) to[j] = sum[j] + bias;
    } else if (slope == 0) {
        for (long j = 0; j < count; ++j) {
            real value = sum[j] + bias;
            to[j] = value < 0 ? 0 : value;
        }
    } else {
        for (long j = 0; j < count; ++j) {
            real value = sum[j] + bias;
            to[j] = value > 0 || value != value ? value : slope * value;
        }
    }
}
