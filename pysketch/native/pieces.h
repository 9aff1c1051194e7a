// A pass over images cut into blocks, the pieces that a team shares.
#ifndef PIECES
#define PIECES
typedef struct {
    long image, top, bottom, left, right;  // of the outputs, ends excluded
} Block;

typedef struct {
    Slab slab;      // of output (0, 0), without rows and cols
    Finish finish;  // of output (0, 0)
    Strips strips;  // of tiles: m outputs both ways
    long filters, x_image, y_image, made_image;  // numbers from an image to the next
    const void *x, *w, *bias, *made, *AT, *BT;
    void *y;
    const Block *blocks;
    char **scratch;  // of each member
} Pass;

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
    FN(tiles)(&s, pass->strips.outputs, &f, pass->AT, pass->BT, IMAGES(pass, b), rows, width, pass->scratch[member]);
}
