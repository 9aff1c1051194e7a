// What Python calls: one function for a kernel, for float32 and float64 by the arrays' own items. Arrays are
// contiguous. Their lengths are held against the geometry before anything is computed, which is done without Python's
// lock.
#include <stdint.h>
#include <string.h>

#include "team.h"
#include "vectors.h"

#define real float
#include "kernels.h"
#undef real
#define real double
#include "kernels.h"
#undef real

#define MAX_MEMBERS 256
#define MAX_ARRAYS (8 + MAX_MEMBERS)

typedef struct {
    Py_buffer of[MAX_ARRAYS];
    int count;
    Py_ssize_t item;  // bytes of a number, of all arrays: 4 or 8, as the first has
} Arrays;

static PyObject *give_back(Arrays *arrays) {
    while (arrays->count) PyBuffer_Release(&arrays->of[--arrays->count]);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

// The memory of an array of `count` numbers or more; NULL for None, and, with an error set, for what is none.
static void *take(Arrays *arrays, PyObject *object, const char *name, Py_ssize_t count, int written) {
    if (object == Py_None || PyErr_Occurred()) return NULL;
    Py_buffer *view = &arrays->of[arrays->count];
    int flags = written ? PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE : PyBUF_C_CONTIGUOUS;
    if (PyObject_GetBuffer(object, view, flags)) return NULL;
    arrays->count++;
    if (!arrays->item && (view->itemsize == 4 || view->itemsize == 8)) arrays->item = view->itemsize;
    if (view->itemsize != arrays->item)
        PyErr_Format(PyExc_TypeError, "%s: expected numbers of %zd bytes, found %zd", name, arrays->item,
                     view->itemsize);
    else if (view->len < count * view->itemsize)
        PyErr_Format(PyExc_ValueError, "%s: expected %zd numbers, found %zd", name, count, view->len / view->itemsize);
    else
        return view->buf;
    return NULL;
}

// As take; there must be one.
static void *need(Arrays *arrays, PyObject *object, const char *name, Py_ssize_t count, int written) {
    if (object == Py_None && !PyErr_Occurred()) PyErr_Format(PyExc_TypeError, "%s: expected an array", name);
    return take(arrays, object, name, count, written);
}

// Images (N, C, H, W), each contiguous.
typedef struct {
    void *at;
    long count, channels, height, width, apart;  // apart: numbers from one to the next
} Images;

static Images take_images(Arrays *arrays, PyObject *object, const char *name, int written) {
    Images none = {0};
    if (object == Py_None || PyErr_Occurred()) return none;
    Py_buffer *view = &arrays->of[arrays->count];
    if (PyObject_GetBuffer(object, view, written ? PyBUF_STRIDES | PyBUF_WRITABLE : PyBUF_STRIDES)) return none;
    arrays->count++;
    Py_ssize_t item = view->itemsize, *shape = view->shape, *step = view->strides;
    if (!arrays->item && (item == 4 || item == 8)) arrays->item = item;
    if (item != arrays->item) {
        PyErr_Format(PyExc_TypeError, "%s: expected numbers of 4 or 8 bytes, in all arrays the same, found %zd", name,
                     item);
        return none;
    }
    int lies = view->ndim == 4 && (shape[3] == 1 || step[3] == item) && (shape[2] == 1 || step[2] == item * shape[3]);
    lies = lies && (shape[1] == 1 || step[1] == item * shape[2] * shape[3]) && step[0] % item == 0;
    if (!lies || step[0] < 0) {
        PyErr_Format(PyExc_ValueError, "%s: expected contiguous images (N, C, H, W)", name);
        return none;
    }
    return (Images){view->buf, shape[0], shape[1], shape[2], shape[3], step[0] / item};
}

// The memory of each member: a sequence of arrays of bytes. Their number, 0 with an error set.
static long take_scratch(Arrays *arrays, PyObject *object, Py_ssize_t bytes, char **scratch) {
    PyObject *sequence = PyErr_Occurred() ? NULL : PySequence_Fast(object, "scratch: expected a sequence of arrays");
    if (!sequence) return 0;
    long members = PySequence_Fast_GET_SIZE(sequence);
    Py_ssize_t item = arrays->item;
    arrays->item = 1;
    if (members < 1 || members > MAX_MEMBERS)
        PyErr_Format(PyExc_ValueError, "scratch: expected 1 to %d arrays, found %ld", MAX_MEMBERS, members);
    for (long k = 0; k < members && !PyErr_Occurred(); ++k) {
        scratch[k] = need(arrays, PySequence_Fast_GET_ITEM(sequence, k), "scratch", bytes, 1);
        scratch[k] += -(uintptr_t)scratch[k] % LINE;  // from a line of the cache on: the bytes have room for that
    }
    arrays->item = item;
    Py_DECREF(sequence);
    return PyErr_Occurred() ? 0 : members;
}

// Blocks of outputs (images, rows, cols): a sequence of (image, top, bottom, left, right). NULL with an error set.
static Block *take_blocks(PyObject *object, long images, long rows, long cols, long *count) {
    PyObject *sequence = PyErr_Occurred() ? NULL : PySequence_Fast(object, "blocks: expected a sequence");
    if (!sequence) return NULL;
    *count = PySequence_Fast_GET_SIZE(sequence);
    Block *blocks = PyMem_Malloc((*count + 1) * sizeof(Block));
    for (long k = 0; blocks && k < *count; ++k) {
        Block *b = &blocks[k];
        if (!PyArg_ParseTuple(PySequence_Fast_GET_ITEM(sequence, k), "lllll", &b->image, &b->top, &b->bottom, &b->left,
                              &b->right))
            break;
        int lies = b->image >= 0 && b->image < images && b->top >= 0 && b->top < b->bottom && b->bottom <= rows;
        if (!lies || b->left < 0 || b->left >= b->right || b->right > cols) {
            PyErr_SetString(PyExc_ValueError, "blocks: expected blocks of the outputs");
            break;
        }
    }
    if (!blocks) PyErr_NoMemory();
    Py_DECREF(sequence);
    if (PyErr_Occurred()) {
        PyMem_Free(blocks);
        return NULL;
    }
    return blocks;
}

// The geometry of a Correlation, as Python gives it (see pysketch/convolution/direct_engine.py), and strips' parts.
#define SLAB_ITEMS "(nnnnnnnn)"
#define SLAB_PLACES(s) &(s).kernel_h, &(s).kernel_w, &(s).sy, &(s).sx, &(s).dy, &(s).dx, &(s).top, &(s).left
#define FINISH_ITEMS "(nnnnpd)"
#define FINISH_PLACES(f) &(f).top, &(f).left, &(f).down, &(f).along, &(f).rectifies, &(f).slope

static int slab_is_right(const Slab *s) {
    if (s->kernel_h > 0 && s->kernel_w > 0 && s->sy > 0 && s->sx > 0 && s->dy > 0 && s->dx > 0) return 1;
    PyErr_SetString(PyExc_ValueError, "expected a kernel, strides and dilations above 0");
    return 0;
}

static int strips_are_right(const Strips *strips) {
    if (strips->outputs >= 2 && strips->outputs < TILE && strips->parts >= 1) return 1;
    PyErr_Format(PyExc_ValueError, "expected strips of 2 to %d rows and 1 part or more", TILE - 1);
    return 0;
}

static int tiles_are_right(const Slab *s, long outputs, long pairs) {
    int plain = s->sy == 1 && s->sx == 1 && s->dy == 1 && s->dx == 1 && s->kernel_h == s->kernel_w;
    int all = pairs == 1 || pairs == 2 || pairs == 4;
    if (plain && all && outputs >= 2 && outputs < TILE && outputs + s->kernel_h == TILE + 1) return 1;
    PyErr_Format(PyExc_ValueError, "expected square kernels, strides and dilations of 1, tiles of %d, 1, 2 or 4 pairs",
                 TILE);
    return 0;
}

static const char TEAM[] = "pysketch.native.Team";

static void at_work(void) {
    PyErr_SetString(PyExc_RuntimeError,
                    "these workers are at work in another thread; a net serves one thread at a time");
}

#define EITHER(item, name, ...) ((item) == 4 ? name##_float(__VA_ARGS__) : name##_double(__VA_ARGS__))

// What is left to do of a pass when its geometry is known: its arrays, the largest block's scratch memory, the work.
typedef struct {
    PyObject *team, *x, *w, *bias, *made, *y, *blocks, *scratch, *AT, *BT;
} PassArrays;

// How a pass makes its results.
enum { BY_TAPS, BY_STRIPS, BY_TILES };

static PyObject *run_pass(const PassArrays *given, Pass *pass, int how, Py_ssize_t rows, Py_ssize_t cols) {
    Arrays arrays = {.count = 0};
    Team *team = PyCapsule_GetPointer(given->team, TEAM);
    Images x = take_images(&arrays, given->x, "x", 0), y = take_images(&arrays, given->y, "y", 1);
    Images made = take_images(&arrays, given->made, "made", 0);
    Finish *f = &pass->finish;
    Slab *s = &pass->slab;
    if (!PyErr_Occurred()) {
        int fits = f->top >= 0 && f->left >= 0 && f->down > 0 && f->along > 0 && rows > 0 && cols > 0;
        fits = fits && f->top + (rows - 1) * f->down < y.height && f->left + (cols - 1) * f->along < y.width;
        fits = fits && x.count == y.count && (!made.at || (made.count == y.count && made.channels == y.channels));
        fits = fits && (!made.at || (made.height == y.height && made.width == y.width));
        if (!fits || x.channels < 1)
            PyErr_SetString(PyExc_ValueError, "expected outputs that lie in y, and x and made to fit");
    }
    s->channels = x.channels, s->height = x.height, s->width = x.width, f->height = y.height, f->width = y.width;
    pass->filters = y.channels, pass->x_image = x.apart, pass->y_image = y.apart, pass->made_image = made.apart;
    pass->x = x.at, pass->made = made.at, pass->y = y.at;
    long taps = x.channels * s->kernel_h * s->kernel_w;
    if (how == BY_STRIPS) taps = TILE * x.channels * s->sy * pass->strips.parts * s->kernel_w;
    if (how == BY_TILES) taps = TILE * TILE * x.channels;
    pass->w = need(&arrays, given->w, "w", (y.channels + ROWS - 1) / ROWS * ROWS * taps, 0);
    pass->bias = take(&arrays, given->bias, "bias", y.channels, 0);
    if (how != BY_TAPS) {
        pass->AT = need(&arrays, given->AT, "AT", pass->strips.outputs * TILE, 0);
        pass->BT = need(&arrays, given->BT, "BT", TILE * TILE, 0);
    }
    long count = 0, high = 0, wide = 0, members = 0;
    char *scratch[MAX_MEMBERS];
    Block *blocks = take_blocks(given->blocks, y.count, rows, cols, &count);
    for (long k = 0; k < count && blocks; ++k) {
        if (high < blocks[k].bottom - blocks[k].top) high = blocks[k].bottom - blocks[k].top;
        if (wide < blocks[k].right - blocks[k].left) wide = blocks[k].right - blocks[k].left;
    }
    if (blocks) {
        Slab seen = how == BY_STRIPS ? strips_slab(&pass->strips, s, 0, 0, high, wide) : slab_of(s, 0, 0, high, wide);
        long m = pass->strips.outputs, pairs = pass->strips.parts;
        long bytes = how == BY_STRIPS  ? EITHER(arrays.item, strips_scratch, &seen, &pass->strips, high, wide)
                     : how == BY_TILES ? EITHER(arrays.item, tiles_scratch, &seen, m, pairs, y.channels, high, wide)
                                       : EITHER(arrays.item, direct_scratch, &seen, high, wide);
        members = take_scratch(&arrays, given->scratch, bytes, scratch);
    }
    if (!PyErr_Occurred()) {
        const Work works[][2] = {{direct_piece_float, direct_piece_double},
                                 {strips_piece_float, strips_piece_double},
                                 {tiles_piece_float, tiles_piece_double}};
        Work work = works[how][arrays.item == 8];
        pass->blocks = blocks, pass->scratch = scratch;
        int done;
        Py_BEGIN_ALLOW_THREADS
        done = share(team, work, pass, count, members);
        Py_END_ALLOW_THREADS
        if (!done) at_work();
    }
    PyMem_Free(blocks);
    return give_back(&arrays);
}

// direct(team, x, w, bias, made, y, geometry, target, size, blocks, scratch): a convolution's results, into y.
static PyObject *call_direct(PyObject *self, PyObject *args) {
    PassArrays given = {0};
    Pass pass = {0};
    Py_ssize_t rows, cols;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOO" SLAB_ITEMS FINISH_ITEMS "(nn)OO", &given.team, &given.x, &given.w, &given.bias,
                          &given.made, &given.y, SLAB_PLACES(pass.slab), FINISH_PLACES(pass.finish), &rows, &cols,
                          &given.blocks, &given.scratch))
        return NULL;
    return slab_is_right(&pass.slab) ? run_pass(&given, &pass, BY_TAPS, rows, cols) : NULL;
}

// strips(..., outputs, parts, AT, BT): as direct, w the transformed filters.
static PyObject *call_strips(PyObject *self, PyObject *args) {
    PassArrays given = {0};
    Pass pass = {0};
    Py_ssize_t rows, cols;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOO" SLAB_ITEMS FINISH_ITEMS "(nn)OOnnOO", &given.team, &given.x, &given.w,
                          &given.bias, &given.made, &given.y, SLAB_PLACES(pass.slab), FINISH_PLACES(pass.finish),
                          &rows, &cols, &given.blocks, &given.scratch, &pass.strips.outputs, &pass.strips.parts,
                          &given.AT, &given.BT))
        return NULL;
    if (!slab_is_right(&pass.slab) || !strips_are_right(&pass.strips)) return NULL;
    return run_pass(&given, &pass, BY_STRIPS, rows, cols);
}

// tiles(..., outputs, pairs, AT, BT): as strips, w filtered in both directions.
static PyObject *call_tiles(PyObject *self, PyObject *args) {
    PassArrays given = {0};
    Pass pass = {0};
    Py_ssize_t rows, cols;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOO" SLAB_ITEMS FINISH_ITEMS "(nn)OOnnOO", &given.team, &given.x, &given.w,
                          &given.bias, &given.made, &given.y, SLAB_PLACES(pass.slab), FINISH_PLACES(pass.finish), &rows,
                          &cols, &given.blocks, &given.scratch, &pass.strips.outputs, &pass.strips.parts, &given.AT,
                          &given.BT))
        return NULL;
    if (!tiles_are_right(&pass.slab, pass.strips.outputs, pass.strips.parts)) return NULL;
    return run_pass(&given, &pass, BY_TILES, rows, cols);
}

// direct_gradient(team, x, dy, dw, db, geometry, shares, blocks, scratch): each share's part of the filters' gradient,
// added to dw (shares, filters, taps), and of the bias's, to db (shares, filters) or None. strips_gradient: with
// outputs, parts, AT and BT, dw (shares, 8, filters, taps) that of the transformed filters; tiles_gradient: with
// outputs, AT and BT, dw (shares, 8, 8, filters, channels).
typedef struct {
    PyObject *dw, *db;
    Py_ssize_t shares;
} GradientArrays;

static PyObject *run_gradient(const PassArrays *given, const GradientArrays *sums, GradientPass *of, int how) {
    GradientPass pass = *of;
    Slab *s = &pass.slab;
    Strips *strips = &pass.strips;
    Py_ssize_t shares = sums->shares;
    Arrays arrays = {.count = 0};
    Team *team = PyCapsule_GetPointer(given->team, TEAM);
    Images x = take_images(&arrays, given->x, "x", 0), dy = take_images(&arrays, given->y, "dy", 0);
    if (!PyErr_Occurred() && (x.count != dy.count || x.channels < 1 || dy.channels < 1 || shares < 1))
        PyErr_SetString(PyExc_ValueError, "expected as many images in x and dy, and a share or more");
    s->channels = x.channels, s->height = x.height, s->width = x.width;
    pass.filters = dy.channels, pass.height = dy.height, pass.width = dy.width;
    pass.x = x.at, pass.dy = dy.at, pass.x_image = x.apart, pass.dy_image = dy.apart, pass.shares = shares;
    pass.sum = x.channels * s->kernel_h * s->kernel_w * dy.channels;
    if (how == BY_STRIPS) pass.sum = TILE * x.channels * s->sy * strips->parts * s->kernel_w * dy.channels;
    if (how == BY_TILES) pass.sum = TILE * TILE * x.channels * dy.channels;
    pass.dw = need(&arrays, sums->dw, "dw", shares * pass.sum, 1);
    pass.db = take(&arrays, sums->db, "db", shares * dy.channels, 1);
    if (how != BY_TAPS) {
        pass.AT = need(&arrays, given->AT, "AT", strips->outputs * TILE, 0);
        pass.BT = need(&arrays, given->BT, "BT", TILE * TILE, 0);
    }
    long high = 0, wide = 0, members = 0;
    char *scratch[MAX_MEMBERS];
    Block *blocks = take_blocks(given->blocks, dy.count, dy.height, dy.width, &pass.count);
    for (long k = 0; blocks && k < pass.count; ++k) {
        if (high < blocks[k].bottom - blocks[k].top) high = blocks[k].bottom - blocks[k].top;
        if (wide < blocks[k].right - blocks[k].left) wide = blocks[k].right - blocks[k].left;
    }
    if (blocks) {
        Slab seen = how == BY_STRIPS ? strips_slab(strips, s, 0, 0, high, wide) : slab_of(s, 0, 0, high, wide);
        long bytes, item = arrays.item, o = dy.channels;
        if (how == BY_TILES)
            bytes = EITHER(item, tiles_gradient_scratch, &seen, strips->outputs, o, high, wide);
        else if (how == BY_STRIPS)
            bytes = EITHER(item, strips_gradient_scratch, &seen, strips, o, high, wide);
        else
            bytes = EITHER(item, direct_gradient_scratch, &seen, o, high, wide);
        members = take_scratch(&arrays, given->scratch, bytes, scratch);
    }
    if (!PyErr_Occurred()) {
        const Work works[][2] = {{direct_gradient_piece_float, direct_gradient_piece_double},
                                 {strips_gradient_piece_float, strips_gradient_piece_double},
                                 {tiles_gradient_piece_float, tiles_gradient_piece_double}};
        Work work = works[how][arrays.item == 8];
        pass.blocks = blocks, pass.scratch = scratch;
        int done;
        Py_BEGIN_ALLOW_THREADS
        done = share(team, work, &pass, shares, members);
        Py_END_ALLOW_THREADS
        if (!done) at_work();
    }
    PyMem_Free(blocks);
    return give_back(&arrays);
}

#define GRADIENT_PLACES                                                                                              \
    &given.team, &given.x, &given.y, &sums.dw, &sums.db, SLAB_PLACES(pass.slab), &sums.shares, &given.blocks, \
        &given.scratch

static PyObject *call_direct_gradient(PyObject *self, PyObject *args) {
    PassArrays given = {0};
    GradientArrays sums;
    GradientPass pass = {0};
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOO" SLAB_ITEMS "nOO", GRADIENT_PLACES)) return NULL;
    return slab_is_right(&pass.slab) ? run_gradient(&given, &sums, &pass, BY_TAPS) : NULL;
}

static PyObject *call_strips_gradient(PyObject *self, PyObject *args) {
    PassArrays given = {0};
    GradientArrays sums;
    GradientPass pass = {0};
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOO" SLAB_ITEMS "nOOnnOO", GRADIENT_PLACES, &pass.strips.outputs, &pass.strips.parts,
                          &given.AT, &given.BT))
        return NULL;
    if (!slab_is_right(&pass.slab) || !strips_are_right(&pass.strips)) return NULL;
    return run_gradient(&given, &sums, &pass, BY_STRIPS);
}

static PyObject *call_tiles_gradient(PyObject *self, PyObject *args) {
    PassArrays given = {0};
    GradientArrays sums;
    GradientPass pass = {0};
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOO" SLAB_ITEMS "nOOnOO", GRADIENT_PLACES, &pass.strips.outputs, &given.AT,
                          &given.BT))
        return NULL;
    if (!slab_is_right(&pass.slab) || !tiles_are_right(&pass.slab, pass.strips.outputs, 1)) return NULL;
    return run_gradient(&given, &sums, &pass, BY_TILES);
}

// direct_scratch(channels, geometry, rows, cols, item): the bytes that a block works in. strips_scratch: with
// outputs and parts.
static PyObject *call_direct_scratch(PyObject *self, PyObject *args) {
    Slab s = {0};
    Py_ssize_t rows, cols, item;
    (void)self;
    if (!PyArg_ParseTuple(args, "n" SLAB_ITEMS "nnn", &s.channels, SLAB_PLACES(s), &rows, &cols, &item)) return NULL;
    if (!slab_is_right(&s)) return NULL;
    s = slab_of(&s, 0, 0, rows, cols);
    return PyLong_FromLong(EITHER(item, direct_scratch, &s, rows, cols));
}

static PyObject *call_strips_scratch(PyObject *self, PyObject *args) {
    Slab s = {0};
    Strips strips;
    Py_ssize_t rows, cols, item;
    (void)self;
    if (!PyArg_ParseTuple(args, "n" SLAB_ITEMS "nnnnn", &s.channels, SLAB_PLACES(s), &rows, &cols, &item,
                          &strips.outputs, &strips.parts))
        return NULL;
    if (!slab_is_right(&s) || !strips_are_right(&strips)) return NULL;
    s = strips_slab(&strips, &s, 0, 0, rows, cols);
    return PyLong_FromLong(EITHER(item, strips_scratch, &s, &strips, rows, cols));
}

// tiles_scratch(channels, geometry, rows, cols, item, filters, outputs, pairs).
static PyObject *call_tiles_scratch(PyObject *self, PyObject *args) {
    Slab s = {0};
    Py_ssize_t rows, cols, item, filters, outputs, pairs;
    (void)self;
    if (!PyArg_ParseTuple(args, "n" SLAB_ITEMS "nnnnnn", &s.channels, SLAB_PLACES(s), &rows, &cols, &item, &filters,
                          &outputs, &pairs))
        return NULL;
    if (!tiles_are_right(&s, outputs, pairs)) return NULL;
    return PyLong_FromLong(EITHER(item, tiles_scratch, &s, outputs, pairs, filters, rows, cols));
}

// direct_gradient_scratch(channels, geometry, rows, cols, item, filters); strips_gradient_scratch: with outputs and
// parts.
static PyObject *call_direct_gradient_scratch(PyObject *self, PyObject *args) {
    Slab s = {0};
    Py_ssize_t rows, cols, item, filters;
    (void)self;
    if (!PyArg_ParseTuple(args, "n" SLAB_ITEMS "nnnn", &s.channels, SLAB_PLACES(s), &rows, &cols, &item, &filters))
        return NULL;
    if (!slab_is_right(&s)) return NULL;
    s = slab_of(&s, 0, 0, rows, cols);
    return PyLong_FromLong(EITHER(item, direct_gradient_scratch, &s, filters, rows, cols));
}

static PyObject *call_strips_gradient_scratch(PyObject *self, PyObject *args) {
    Slab s = {0};
    Strips strips;
    Py_ssize_t rows, cols, item, filters;
    (void)self;
    if (!PyArg_ParseTuple(args, "n" SLAB_ITEMS "nnnnnn", &s.channels, SLAB_PLACES(s), &rows, &cols, &item, &filters,
                          &strips.outputs, &strips.parts))
        return NULL;
    if (!slab_is_right(&s) || !strips_are_right(&strips)) return NULL;
    s = strips_slab(&strips, &s, 0, 0, rows, cols);
    return PyLong_FromLong(EITHER(item, strips_gradient_scratch, &s, &strips, filters, rows, cols));
}

// tiles_gradient_scratch(channels, geometry, rows, cols, item, filters, outputs).
static PyObject *call_tiles_gradient_scratch(PyObject *self, PyObject *args) {
    Slab s = {0};
    Py_ssize_t rows, cols, item, filters, outputs;
    (void)self;
    if (!PyArg_ParseTuple(args, "n" SLAB_ITEMS "nnnnn", &s.channels, SLAB_PLACES(s), &rows, &cols, &item, &filters,
                          &outputs))
        return NULL;
    if (!tiles_are_right(&s, outputs, 1)) return NULL;
    return PyLong_FromLong(EITHER(item, tiles_gradient_scratch, &s, outputs, filters, rows, cols));
}

// stamp(team, threads, x, y, w, bias), unstamp(team, threads, x, y, w): see planes.h.
static PyObject *run_planes(PyObject *args, int stamps) {
    PyObject *of, *x_, *y_, *w_, *bias = Py_None;
    long threads;
    if (!PyArg_ParseTuple(args, "OlOOO|O", &of, &threads, &x_, &y_, &w_, &bias)) return NULL;
    Arrays arrays = {.count = 0};
    Team *team = PyCapsule_GetPointer(of, TEAM);
    Images x = take_images(&arrays, x_, "x", 0), y = take_images(&arrays, y_, "y", 1);
    Images small = stamps ? x : y, large = stamps ? y : x;
    Planes planes = {small.channels, small.height, small.width, 1, 1, x.apart, y.apart, x.at, NULL, NULL, y.at};
    if (!PyErr_Occurred()) {
        if (small.height && small.width)
            planes.kernel_h = large.height / small.height, planes.kernel_w = large.width / small.width;
        int fits = x.count == y.count && x.channels == y.channels && planes.kernel_h > 0 && planes.kernel_w > 0;
        fits = fits && large.height == small.height * planes.kernel_h && large.width == small.width * planes.kernel_w;
        if (!fits || threads < 1 || threads > MAX_MEMBERS)
            PyErr_SetString(PyExc_ValueError, "expected images that fit each other, and 1 to 256 threads");
    }
    planes.w = need(&arrays, w_, "w", small.channels * planes.kernel_h * planes.kernel_w, 0);
    planes.bias = take(&arrays, bias, "bias", small.channels, 0);
    if (!PyErr_Occurred()) {
        Work work = arrays.item == 4 ? (stamps ? stamp_plane_float : unstamp_plane_float)
                                     : (stamps ? stamp_plane_double : unstamp_plane_double);
        int done;
        Py_BEGIN_ALLOW_THREADS
        done = share(team, work, &planes, x.count * x.channels, threads);
        Py_END_ALLOW_THREADS
        if (!done) at_work();
    }
    return give_back(&arrays);
}

static PyObject *call_stamp(PyObject *self, PyObject *args) {
    (void)self;
    return run_planes(args, 1);
}

static PyObject *call_unstamp(PyObject *self, PyObject *args) {
    (void)self;
    return run_planes(args, 0);
}

// Filters (O, C, kh, kw), any view of numbers.
static void take_filters(Arrays *arrays, PyObject *object, Filters *f, int written) {
    if (PyErr_Occurred()) return;
    Py_buffer *view = &arrays->of[arrays->count];
    if (PyObject_GetBuffer(object, view, written ? PyBUF_STRIDES | PyBUF_WRITABLE : PyBUF_STRIDES)) return;
    arrays->count++;
    Py_ssize_t item = arrays->item = view->itemsize;
    int lies = view->ndim == 4 && (item == 4 || item == 8);
    for (int axis = 0; lies && axis < 4; ++axis) {
        lies = view->strides[axis] % item == 0;
        f->apart[axis] = view->strides[axis] / item;
    }
    if (!lies) {
        PyErr_SetString(PyExc_ValueError, "W: expected filters (O, C, kh, kw) of numbers of 4 or 8 bytes");
        return;
    }
    f->W = view->buf;
    Py_ssize_t *shape = view->shape;
    f->filters = shape[0], f->channels = shape[1], f->kernel_h = shape[2], f->kernel_w = shape[3];
}

// pack(team, threads, W, packed, phases, parts, outputs, of_part, G): W as the products take it; of_part 0: as it is.
// unpack(team, threads, dW, sums, phases, parts, outputs, of_part, G, shares, spoilt): its gradient, added.
static PyObject *run_filters(PyObject *args, int packs) {
    PyObject *of, *W, *packed, *G, *spoilt = Py_None;
    long threads;
    Filters f = {.shares = 1};
    if (!PyArg_ParseTuple(args, "OlOOllllO|lO", &of, &threads, &W, &packed, &f.phases, &f.parts, &f.outputs, &f.of_part,
                          &G, &f.shares, &spoilt))
        return NULL;
    Arrays arrays = {.count = 0};
    Team *team = PyCapsule_GetPointer(of, TEAM);
    take_filters(&arrays, W, &f, !packs);
    if (!PyErr_Occurred() && (f.phases < 1 || f.parts < 1 || f.outputs < 1 || f.of_part < 0 || f.of_part > TILE ||
                              f.shares < 1 || threads < 1 || threads > MAX_MEMBERS))
        PyErr_SetString(PyExc_ValueError, "expected phases, parts, outputs, shares and 1 to 256 threads");
    if (!PyErr_Occurred() && f.of_part &&
        (rows_of_part(&f, 0, f.parts - 1) > f.of_part || (f.parts > 1 && f.outputs > f.of_part)))
        PyErr_SetString(PyExc_ValueError, "expected parts of as many rows as G has columns");
    if (!PyErr_Occurred()) {
        long numbers = filter_taps(&f) * (f.of_part ? TILE : 1);
        long side = packs ? (f.filters + ROWS - 1) / ROWS * ROWS : f.shares * f.filters;
        f.packed = need(&arrays, packed, packs ? "packed" : "sums", side * numbers, packs);
        if (f.of_part) f.G = need(&arrays, G, "G", TILE * f.of_part, 0);
        Py_ssize_t item = arrays.item;
        arrays.item = 1;
        f.spoilt = take(&arrays, spoilt, "spoilt", f.filters, 1);
        arrays.item = item;
    }
    if (!PyErr_Occurred()) {
        Work work = arrays.item == 4 ? (packs ? pack_piece_float : unpack_piece_float)
                                     : (packs ? pack_piece_double : unpack_piece_double);
        int done;
        Py_BEGIN_ALLOW_THREADS
        done = share(team, work, &f, packs ? (f.filters + ROWS - 1) / ROWS : f.filters, threads);
        Py_END_ALLOW_THREADS
        if (!done) at_work();
    }
    return give_back(&arrays);
}

static PyObject *call_pack(PyObject *self, PyObject *args) {
    (void)self;
    return run_filters(args, 1);
}

static PyObject *call_unpack(PyObject *self, PyObject *args) {
    (void)self;
    return run_filters(args, 0);
}

// sum_images(team, threads, y, xs), rectify(team, threads, y, (x,), slope), gate(team, threads, y, (dy, x), slope): see
// pixels.h; all of one shape, y may be the first of xs.
static PyObject *run_pixels(PyObject *args, int what) {
    PyObject *of, *y_, *xs;
    long threads;
    Pixels p = {0};
    if (!PyArg_ParseTuple(args, "OlOO!|d", &of, &threads, &y_, &PyTuple_Type, &xs, &p.slope)) return NULL;
    Arrays arrays = {.count = 0};
    Team *team = PyCapsule_GetPointer(of, TEAM);
    Images y = take_images(&arrays, y_, "y", 1);
    p.terms = PyTuple_GET_SIZE(xs), p.y = y.at, p.y_image = y.apart;
    p.size = y.channels * y.height * y.width, p.pieces = (p.size + CHUNK - 1) / CHUNK;
    int fits = what == 0 ? p.terms >= 1 && p.terms <= MAX_TERMS : p.terms == what;
    for (long k = 0; fits && k < p.terms; ++k) {
        Images x = take_images(&arrays, PyTuple_GET_ITEM(xs, k), "x", 0);
        p.x[k] = x.at, p.x_image[k] = x.apart;
        fits = x.count == y.count && x.channels == y.channels && x.height == y.height && x.width == y.width;
    }
    if (!PyErr_Occurred() && (!fits || !y.at || threads < 1 || threads > MAX_MEMBERS))
        PyErr_SetString(PyExc_ValueError, "expected images of one shape, as many as are needed, and 1 to 256 threads");
    if (!PyErr_Occurred()) {
        const Work works[][2] = {{sum_pixels_float, sum_pixels_double},
                                 {rectify_pixels_float, rectify_pixels_double},
                                 {gate_pixels_float, gate_pixels_double}};
        int done;
        Py_BEGIN_ALLOW_THREADS
        done = share(team, works[what][arrays.item == 8], &p, y.count * p.pieces, threads);
        Py_END_ALLOW_THREADS
        if (!done) at_work();
    }
    return give_back(&arrays);
}

static PyObject *call_sum_images(PyObject *self, PyObject *args) {
    (void)self;
    return run_pixels(args, 0);
}

static PyObject *call_rectify(PyObject *self, PyObject *args) {
    (void)self;
    return run_pixels(args, 1);
}

static PyObject *call_gate(PyObject *self, PyObject *args) {
    (void)self;
    return run_pixels(args, 2);
}

// team(): threads that share work; they end with it.
static void end_capsule(PyObject *capsule) {
    Team *team = PyCapsule_GetPointer(capsule, TEAM);
    end_team(team);
    PyMem_Free(team);
}

static PyObject *call_team(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    Team *team = PyMem_Malloc(sizeof(Team));
    if (!team) return PyErr_NoMemory();
    found(team);
    return PyCapsule_New(team, TEAM, end_capsule);
}

// vector(): how many bytes a vector has.
static PyObject *call_vector(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    return PyLong_FromLong(VECTOR_BYTES);
}

// rows(): how many filters stand side by side in w and U.
static PyObject *call_rows(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    return PyLong_FromLong(ROWS);
}

static PyMethodDef calls[] = {
    {"stamp", call_stamp, METH_VARARGS, "Images of which every pixel stamps a kernel, side by side."},
    {"unstamp", call_unstamp, METH_VARARGS, "The transpose of `stamp`."},
    {"team", call_team, METH_NOARGS, "Threads that share work."},
    {"rows", call_rows, METH_NOARGS, "How many filters stand side by side in packed ones."},
    {"vector", call_vector, METH_NOARGS, "How many bytes a vector has."},
    {"direct_scratch", call_direct_scratch, METH_VARARGS, "Bytes that a block of `direct` works in."},
    {"strips_scratch", call_strips_scratch, METH_VARARGS, "Bytes that a block of `strips` works in."},
    {"direct", call_direct, METH_VARARGS, "A block of a convolution's results."},
    {"strips", call_strips, METH_VARARGS, "A block of a convolution's results, by filtering along the columns."},
    {"tiles_scratch", call_tiles_scratch, METH_VARARGS, "Bytes that a block of `tiles` works in."},
    {"tiles", call_tiles, METH_VARARGS, "A convolution's results, by filtering in both directions."},
    {"direct_gradient_scratch", call_direct_gradient_scratch, METH_VARARGS, "Bytes that a block of it works in."},
    {"strips_gradient_scratch", call_strips_gradient_scratch, METH_VARARGS, "Bytes that a block of it works in."},
    {"direct_gradient", call_direct_gradient, METH_VARARGS, "The filters' and the bias's gradient."},
    {"strips_gradient", call_strips_gradient, METH_VARARGS, "The transformed filters' and the bias's gradient."},
    {"pack", call_pack, METH_VARARGS, "Filters as the products take them."},
    {"unpack", call_unpack, METH_VARARGS, "The filters' gradient, added."},
    {"sum_images", call_sum_images, METH_VARARGS, "The sum of some images, or a copy of one."},
    {"rectify", call_rectify, METH_VARARGS, "A rectified linear unit."},
    {"gate", call_gate, METH_VARARGS, "Its gradient."},
    {"tiles_gradient_scratch", call_tiles_gradient_scratch, METH_VARARGS, "Bytes that a block of it works in."},
    {"tiles_gradient", call_tiles_gradient, METH_VARARGS, "The gradient of filters that are transformed both ways."},
    {NULL, NULL, 0, NULL},
};
