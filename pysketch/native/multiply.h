// The product that all convolutions come down to, over rows of numbers that lie shifted in memory:
//
//     out[r][p] = sum over t of w[t][r] x[at[t] + p],        r < ROWS, 0 <= p < count
//
// w (taps, ROWS) are numbers of ROWS filters, at[t] is where tap t's row begins in x. An image whose rows lie one
// behind the other is such a row, too: a convolution is this with a tap for each of its channels, rows and columns.
// ROWS x COLS vectors of sums are kept in registers: each tap is COLS loads, ROWS numbers of w and ROWS COLS products.
typedef real FN(vec) __attribute__((vector_size(VECTOR_BYTES)));
typedef real FN(anywhere) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
typedef __typeof__((FN(vec)){0} == (FN(vec)){0}) FN(lanes);  // whole numbers of a vector's length
#define VEC FN(vec)
#define LANES ((long)(VECTOR_BYTES / sizeof(real)))

INLINE VEC FN(load)(const real *x) { return *(const FN(anywhere) *)x; }
INLINE void FN(store)(real *x, VEC v) { *(FN(anywhere) *)x = v; }

#ifdef PERMUTES
// Lanes from..until of a vector, which may lie outside of it; a vector's numbers of these lanes, 0 for the others.
INLINE unsigned FN(some)(long from, long until) {
    long first = from < 0 ? 0 : from, last = until > LANES ? LANES : until;
    return last > first ? (1u << last) - (1u << first) : 0;
}
INLINE VEC FN(load_some)(const real *x, unsigned some) {
    return sizeof(real) == 4 ? (VEC)_mm512_maskz_loadu_ps(some, x) : (VEC)_mm512_maskz_loadu_pd(some, x);
}
INLINE void FN(store_some)(real *x, unsigned some, VEC v) {
    if (sizeof(real) == 4)
        _mm512_mask_storeu_ps(x, some, (__m512)v);
    else
        _mm512_mask_storeu_pd(x, some, (__m512d)v);
}
// Numbers order[i] of a and b, one behind the other.
INLINE VEC FN(merge)(VEC a, FN(lanes) order, VEC b) {
    return sizeof(real) == 4 ? (VEC)_mm512_permutex2var_ps((__m512)a, (__m512i)order, (__m512)b)
                             : (VEC)_mm512_permutex2var_pd((__m512d)a, (__m512i)order, (__m512d)b);
}
#endif

// One tile of rows x cols vectors.
INLINE void FN(tile)(const int rows, const int cols, long taps, const real *w, const real *x, const long *at, real *out,
                     long step) {
    VEC sum[ROWS][COLS];
    UNROLL
    for (int r = 0; r < rows; ++r)
        UNROLL
        for (int k = 0; k < cols; ++k) sum[r][k] = (VEC){0};
    for (long t = 0; t < taps; ++t, w += ROWS) {
        const real *from = x + at[t];
        VEC v[COLS];
        UNROLL
        for (int k = 0; k < cols; ++k) v[k] = FN(load)(from + k * LANES);
        UNROLL
        for (int r = 0; r < rows; ++r)
            UNROLL
            for (int k = 0; k < cols; ++k) sum[r][k] += w[r] * v[k];
    }
    UNROLL
    for (int r = 0; r < rows; ++r)
        UNROLL
        for (int k = 0; k < cols; ++k) FN(store)(out + r * step + k * LANES, sum[r][k]);
}

#define ACROSS(rows)                                                                                        \
    for (; p + COLS * LANES <= count; p += COLS * LANES) FN(tile)(rows, COLS, taps, w, x + p, at, out + p, step); \
    if (p + LANES < count) FN(tile)(rows, 2, taps, w, x + p, at, out + p, step), p += 2 * LANES;             \
    for (; p < count; p += LANES) FN(tile)(rows, 1, taps, w, x + p, at, out + p, step);

// out (rows, step), of `rows` filters of ROWS: overwritten, up to the next multiple of LANES. There x is read, too.
static void FN(multiply)(int rows, long count, long taps, const real *w, const real *x, const long *at, real *out,
                         long step) {
    long p = 0;
    if (rows > ROWS / 2) {
        ACROSS(ROWS)
    } else if (rows > 1) {
        ACROSS(ROWS / 2)
    } else {
        ACROSS(1)
    }
}
