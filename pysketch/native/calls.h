// What Python calls: one function for a kernel, for float32 and float64 by the arrays' own items. Arrays are contiguous.
// Their lengths are held against the geometry before anything is computed, which is done without Python's lock.
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
    if (PyObject_GetBuffer(object, view, written ? PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE : PyBUF_C_CONTIGUOUS)) return NULL;
    arrays->count++;
    if (!arrays->item && (view->itemsize == 4 || view->itemsize == 8)) arrays->item = view->itemsize;
    if (view->itemsize != arrays->item)
        PyErr_Format(PyExc_TypeError, "%s: expected numbers of %zd bytes, found %zd", name, arrays->item, view->itemsize);
    else if (view->len < count * view->itemsize)
        PyErr_Format(PyExc_ValueError, "%s: expected %zd numbers, found %zd", name, count, view->len / view->itemsize);
    else
        return view->buf;
    return NULL;
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
        PyErr_Format(PyExc_TypeError, "%s: expected numbers of 4 or 8 bytes, in all arrays the same, found %zd", name, item);
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
    for (long k = 0; k < members && !PyErr_Occurred(); ++k)
        scratch[k] = take(arrays, PySequence_Fast_GET_ITEM(sequence, k), "scratch", bytes, 1);
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

static const char TEAM[] = "pysketch.native.Team";

// The ways in which a convolution's results are made.
enum { BY_TAPS, BY_STRIPS, BY_TILES };

static int tiles_are_right(const Slab *s, long outputs) {
    int plain = s->sy == 1 && s->sx == 1 && s->dy == 1 && s->dx == 1;
    if (plain && s->kernel_h == s->kernel_w && outputs >= 2 && outputs < TILE && outputs + s->kernel_h == TILE + 1) return 1;
    PyErr_Format(PyExc_ValueError, "expected square kernels of 2 to %d, strides and dilations of 1, tiles of %d", TILE - 1,
                 TILE);
    return 0;
}

#define EITHER(item, name, ...) ((item) == 4 ? name##_float(__VA_ARGS__) : name##_double(__VA_ARGS__))

// What is left to do of a pass when its geometry is known: its arrays, the largest block's scratch memory, the work.
typedef struct {
    PyObject *team, *x, *w, *bias, *made, *y, *blocks, *scratch, *AT, *BT;
} PassArrays;

static PyObject *run_pass(const PassArrays *given, Pass *pass, int way, Py_ssize_t rows, Py_ssize_t cols) {
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
        if (!fits || x.channels < 1) PyErr_SetString(PyExc_ValueError, "expected outputs that lie in y, and x and made to fit");
    }
    s->channels = x.channels, s->height = x.height, s->width = x.width, f->height = y.height, f->width = y.width;
    pass->filters = y.channels, pass->x_image = x.apart, pass->y_image = y.apart, pass->made_image = made.apart;
    pass->x = x.at, pass->made = made.at, pass->y = y.at;
    long taps = x.channels * s->kernel_h * s->kernel_w;
    if (way == BY_STRIPS) taps = TILE * x.channels * s->sy * pass->strips.parts * s->kernel_w;
    if (way == BY_TILES) taps = TILE * TILE * x.channels;
    pass->w = take(&arrays, given->w, "w", (y.channels + ROWS - 1) / ROWS * ROWS * taps, 0);
    pass->bias = take(&arrays, given->bias, "bias", y.channels, 0);
    if (way != BY_TAPS) {
        pass->AT = take(&arrays, given->AT, "AT", pass->strips.outputs * TILE, 0);
        pass->BT = take(&arrays, given->BT, "BT", TILE * TILE, 0);
    }
    long count = 0, high = 0, wide = 0, members = 0;
    char *scratch[MAX_MEMBERS];
    Block *blocks = take_blocks(given->blocks, y.count, rows, cols, &count);
    for (long k = 0; k < count && blocks; ++k) {
        if (high < blocks[k].bottom - blocks[k].top) high = blocks[k].bottom - blocks[k].top;
        if (wide < blocks[k].right - blocks[k].left) wide = blocks[k].right - blocks[k].left;
    }
    if (blocks) {
        Slab seen = way == BY_STRIPS ? strips_slab(&pass->strips, s, 0, 0, high, wide) : slab_of(s, 0, 0, high, wide);
        long bytes = way == BY_STRIPS  ? EITHER(arrays.item, strips_scratch, &seen, &pass->strips, high, wide)
                     : way == BY_TILES ? EITHER(arrays.item, tiles_scratch, &seen, pass->strips.outputs, y.channels, high, wide)
                                    : EITHER(arrays.item, direct_scratch, &seen, high, wide);
        members = take_scratch(&arrays, given->scratch, bytes, scratch);
    }
    if (!PyErr_Occurred()) {
        const Work works[][2] = {{direct_piece_float, direct_piece_double},
                                 {strips_piece_float, strips_piece_double},
                                 {tiles_piece_float, tiles_piece_double}};
        Work work = works[way][arrays.item == 8];
        pass->blocks = blocks, pass->scratch = scratch;
        Py_BEGIN_ALLOW_THREADS
        share(team, work, pass, count, members);
        Py_END_ALLOW_THREADS
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
    if (!PyArg_ParseTuple(args, "OOOOOO" SLAB_ITEMS FINISH_ITEMS "(nn)OOnnOO", &given.team, &given.x, &given.w, &given.bias,
                          &given.made, &given.y, SLAB_PLACES(pass.slab), FINISH_PLACES(pass.finish), &rows, &cols,
                          &given.blocks, &given.scratch, &pass.strips.outputs, &pass.strips.parts, &given.AT, &given.BT))
        return NULL;
    if (!slab_is_right(&pass.slab) || !strips_are_right(&pass.strips)) return NULL;
    return run_pass(&given, &pass, BY_STRIPS, rows, cols);
}

// tiles(..., outputs, AT, BT): as strips.
static PyObject *call_tiles(PyObject *self, PyObject *args) {
    PassArrays given = {0};
    Pass pass = {0};
    Py_ssize_t rows, cols;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOO" SLAB_ITEMS FINISH_ITEMS "(nn)OOnOO", &given.team, &given.x, &given.w, &given.bias,
                          &given.made, &given.y, SLAB_PLACES(pass.slab), FINISH_PLACES(pass.finish), &rows, &cols,
                          &given.blocks, &given.scratch, &pass.strips.outputs, &given.AT, &given.BT))
        return NULL;
    return tiles_are_right(&pass.slab, pass.strips.outputs) ? run_pass(&given, &pass, BY_TILES, rows, cols) : NULL;
}

// direct_scratch(channels, filters, geometry, rows, cols, item): the bytes that a block works in. strips_scratch: with
// outputs and parts. tiles_scratch: with outputs.
static PyObject *call_direct_scratch(PyObject *self, PyObject *args) {
    Slab s = {0};
    Py_ssize_t filters, rows, cols, item;
    (void)self;
    if (!PyArg_ParseTuple(args, "nn" SLAB_ITEMS "nnn", &s.channels, &filters, SLAB_PLACES(s), &rows, &cols, &item)) return NULL;
    if (!slab_is_right(&s)) return NULL;
    s = slab_of(&s, 0, 0, rows, cols);
    return PyLong_FromLong(EITHER(item, direct_scratch, &s, rows, cols));
}

static PyObject *call_strips_scratch(PyObject *self, PyObject *args) {
    Slab s = {0};
    Strips strips;
    Py_ssize_t filters, rows, cols, item;
    (void)self;
    if (!PyArg_ParseTuple(args, "nn" SLAB_ITEMS "nnnnn", &s.channels, &filters, SLAB_PLACES(s), &rows, &cols, &item,
                          &strips.outputs, &strips.parts))
        return NULL;
    if (!slab_is_right(&s) || !strips_are_right(&strips)) return NULL;
    s = strips_slab(&strips, &s, 0, 0, rows, cols);
    return PyLong_FromLong(EITHER(item, strips_scratch, &s, &strips, rows, cols));
}

static PyObject *call_tiles_scratch(PyObject *self, PyObject *args) {
    Slab s = {0};
    Py_ssize_t filters, rows, cols, item, outputs;
    (void)self;
    if (!PyArg_ParseTuple(args, "nn" SLAB_ITEMS "nnnn", &s.channels, &filters, SLAB_PLACES(s), &rows, &cols, &item, &outputs))
        return NULL;
    if (!tiles_are_right(&s, outputs)) return NULL;
    return PyLong_FromLong(EITHER(item, tiles_scratch, &s, outputs, filters, rows, cols));
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

// rows(): how many filters stand side by side in w and U.
static PyObject *call_rows(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    return PyLong_FromLong(ROWS);
}

static PyMethodDef calls[] = {
    {"team", call_team, METH_NOARGS, "Threads that share work."},
    {"rows", call_rows, METH_NOARGS, "How many filters stand side by side in packed ones."},
    {"direct_scratch", call_direct_scratch, METH_VARARGS, "Bytes that a block of `direct` works in."},
    {"strips_scratch", call_strips_scratch, METH_VARARGS, "Bytes that a block of `strips` works in."},
    {"direct", call_direct, METH_VARARGS, "A block of a convolution's results."},
    {"strips", call_strips, METH_VARARGS, "A block of a convolution's results, by filtering along the columns."},
    {"tiles_scratch", call_tiles_scratch, METH_VARARGS, "Bytes that a block of `tiles` works in."},
    {"tiles", call_tiles, METH_VARARGS, "A convolution's results, by filtering in both directions."},
    {NULL, NULL, 0, NULL},
};
