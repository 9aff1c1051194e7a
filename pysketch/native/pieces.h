// A pass over images cut into blocks, the pieces that a team shares.
#ifndef PIECES
#define PIECES
typedef struct {
    long image, top, bottom, left, right;  // of the outputs, ends excluded
} Block;

typedef struct {
    Slab slab;      // of output (0, 0), without rows and cols
    Finish finish;  // of output (0, 0)
    Strips strips;  // in tiles: outputs in both directions; parts: pairs of a turn
    long filters, x_image, y_image, made_image;  // numbers from an image to the next
    const void *x, *w, *bias, *made, *AT, *BT;
    void *y;
    const Block *blocks;
    char **scratch;  // of each member
} Pass;

// The filters' gradient: share k of the work is blocks k, k + shares, ..., and has sums of its own, so that their order
// does not depend on who does what.
typedef struct {
    Slab slab;
    Strips strips;
    long filters, height, width, x_image, dy_image;  // of dy
    long shares, sum;                                // sum: numbers of a share's dw, or dU
    const void *x, *dy, *AT, *BT;
    void *dw, *db;  // (shares, sum), (shares, filters) or NULL
    const Block *blocks;
    long count;
    char **scratch;
} GradientPass;

static inline Finish finish_of(const Pass *pass, const Block *block) {
    Finish f = pass->finish;
    f.top += block->top * f.down;
    f.left += block->left * f.along;
    return f;
}
#endif

#define IMAGES(pass, b)                                                                                    \
    (const real *)(pass)->x + (b)->image * (pass)->x_image, (pass)->w, (pass)->bias,                        \
        (pass)->made ? (const real *)(pass)->made + (b)->image * (pass)->made_image : NULL,                 \
        (real *)(pass)->y + (b)->image * (pass)->y_image, (pass)->filters

static void FN(direct_piece)(const void *task, long index, long member) {
    const Pass *pass = task;
    const Block *b = &pass->blocks[index];
    long rows = b->bottom - b->top, width = b->right - b->left;
    Slab s = slab_of(&pass->slab, b->top, b->left, rows, width);
    Finish f = finish_of(pass, b);
    FN(direct)(&s, &f, IMAGES(pass, b), rows, width, pass->scratch[member]);
}

static void FN(strips_piece)(const void *task, long index, long member) {
    const Pass *pass = task;
    const Block *b = &pass->blocks[index];
    long rows = b->bottom - b->top, width = b->right - b->left;
    Slab s = strips_slab(&pass->strips, &pass->slab, b->top, b->left, rows, width);
    Finish f = finish_of(pass, b);
    FN(strips)(&s, &pass->strips, &f, pass->AT, pass->BT, IMAGES(pass, b), rows, width, pass->scratch[member]);
}

static void FN(tiles_piece)(const void *task, long index, long member) {
    const Pass *pass = task;
    const Block *b = &pass->blocks[index];
    long rows = b->bottom - b->top, width = b->right - b->left;
    Slab s = slab_of(&pass->slab, b->top, b->left, rows, width);
    Finish f = finish_of(pass, b);
    FN(tiles)(&s, pass->strips.outputs, pass->strips.parts, &f, pass->AT, pass->BT, IMAGES(pass, b), rows, width,
              pass->scratch[member]);
}

#define GRADIENT_IMAGES(pass, b)                                                                                    \
    (const real *)(pass)->x + (b)->image * (pass)->x_image,                                                         \
        (const real *)(pass)->dy + (b)->image * (pass)->dy_image + (b)->top * (pass)->width + (b)->left,            \
        (pass)->height * (pass)->width, (pass)->width, (real *)(pass)->dw + index * (pass)->sum,                    \
        (pass)->db ? (real *)(pass)->db + index * (pass)->filters : NULL, (pass)->filters

static void FN(direct_gradient_piece)(const void *task, long index, long member) {
    const GradientPass *pass = task;
    for (long k = index; k < pass->count; k += pass->shares) {
        const Block *b = &pass->blocks[k];
        long rows = b->bottom - b->top, width = b->right - b->left;
        Slab s = slab_of(&pass->slab, b->top, b->left, rows, width);
        FN(direct_gradient)(&s, GRADIENT_IMAGES(pass, b), rows, width, pass->scratch[member]);
    }
}

static void FN(strips_gradient_piece)(const void *task, long index, long member) {
    const GradientPass *pass = task;
    for (long k = index; k < pass->count; k += pass->shares) {
        const Block *b = &pass->blocks[k];
        long rows = b->bottom - b->top, width = b->right - b->left;
        Slab s = strips_slab(&pass->strips, &pass->slab, b->top, b->left, rows, width);
        FN(strips_gradient)(&s, &pass->strips, pass->AT, pass->BT, GRADIENT_IMAGES(pass, b), rows, width,
                            pass->scratch[member]);
    }
}

static void FN(tiles_gradient_piece)(const void *task, long index, long member) {
    const GradientPass *pass = task;
    for (long k = index; k < pass->count; k += pass->shares) {
        const Block *b = &pass->blocks[k];
        long rows = b->bottom - b->top, width = b->right - b->left;
        Slab s = slab_of(&pass->slab, b->top, b->left, rows, width);
        FN(tiles_gradient)(&s, pass->strips.outputs, pass->AT, pass->BT, GRADIENT_IMAGES(pass, b), rows, width,
                           pass->scratch[member]);
    }
}
