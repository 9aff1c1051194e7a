// Winograd's minimal filtering of tiles of 8, the matrices of pysketch/convolution/winograd.py. The points are 0, 1,
// -1, 2, -2, 1/2, -1/2 and infinity: the rows of B^T for a and -a differ in the sign of the odd columns only, and so do
// the columns of A^T in that of the odd rows. Both are used, so that a tile takes some 30 products in place of 64.
#define TILE 8

// v = B^T x, in place: 8 vectors. BT (8, 8).
INLINE void FN(transform)(const real *BT, VEC *v) {
    VEC x0 = v[0], x1 = v[1], x2 = v[2], x3 = v[3], x4 = v[4], x5 = v[5], x6 = v[6], x7 = v[7];
    v[0] = BT[0] * x0 + BT[2] * x2 + BT[4] * x4 + BT[6] * x6;
    UNROLL
    for (int i = 1; i < 7; i += 2) {
        const real *b = BT + TILE * i;
        VEC even = b[2] * x2 + b[4] * x4 + b[6] * x6, odd = b[1] * x1 + b[3] * x3 + b[5] * x5;
        v[i] = even + odd;
        v[i + 1] = even - odd;
    }
    v[7] = BT[57] * x1 + BT[59] * x3 + BT[61] * x5 + BT[63] * x7;
}

// y = A^T v: m vectors of 8. AT (m, 8).
INLINE void FN(transform_back)(const real *AT, const int m, const VEC *v, VEC *y) {
    VEC even[3] = {v[1] + v[2], v[3] + v[4], v[5] + v[6]}, odd[3] = {v[1] - v[2], v[3] - v[4], v[5] - v[6]};
    UNROLL
    for (int j = 0; j < m; ++j) {
        const real *a = AT + TILE * j;
        y[j] = j % 2 ? odd[0] + a[3] * odd[1] + a[5] * odd[2] : even[0] + a[3] * even[1] + a[5] * even[2];
    }
    y[0] += v[0];
    y[m - 1] += v[7];
}
