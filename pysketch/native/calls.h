// What Python calls: one function for a kernel, for float32 and float64 by the arrays' own items. Arrays are contiguous.
// Their lengths are held against the geometry before anything is computed, which is done without Python's lock.
#include <string.h>

#include "vectors.h"

#define real float
#include "kernels.h"
#undef real
#define real double
#include "kernels.h"
#undef real

#define MAX_ARRAYS 8

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

// Memory to work in: bytes.
static char *take_scratch(Arrays *arrays, PyObject *object, Py_ssize_t bytes) {
    Py_ssize_t item = arrays->item;
    arrays->item = 1;
    char *found = take(arrays, object, "scratch", bytes, 1);
    arrays->item = item;
    if (!found && !PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "scratch: expected an array");
    return found;
}

// Slab and Finish as Python gives them, tuples: see pysketch/convolution/direct_engine.py.
#define SLAB_ITEMS "(nnnnnnnnnnnnn)"
#define SLAB_PLACES(s)                                                                                             \
    &(s).channels, &(s).height, &(s).width, &(s).kernel_h, &(s).kernel_w, &(s).sy, &(s).sx, &(s).dy, &(s).dx,       \
        &(s).top, &(s).left, &(s).rows, &(s).cols
#define FINISH_ITEMS "(nnnnnnpd)"
#define FINISH_PLACES(f)                                                                                           \
    &(f).height, &(f).width, &(f).top, &(f).left, &(f).down, &(f).along, &(f).rectifies, &(f).slope

static int slab_is_right(const Slab *s) {
    return s->channels > 0 && s->height > 0 && s->width > 0 && s->kernel_h > 0 && s->kernel_w > 0 && s->sy > 0 &&
           s->sx > 0 && s->dy > 0 && s->dx > 0 && s->rows > 0 && s->cols > 0;
}

// Whether `rows` rows of `width` results have their places in the image, and their columns in the slab.
static int fits(const Slab *s, const Finish *f, long rows, long width) {
    int in_slab = slab_is_right(s) && rows > 0 && width > 0 && width + (s->kernel_w - 1) * s->dx / s->sx <= s->cols;
    int in_image = f->top >= 0 && f->left >= 0 && f->down > 0 && f->along > 0;
    in_image = in_image && f->top + (rows - 1) * f->down < f->height && f->left + (width - 1) * f->along < f->width;
    return in_slab && in_image;
}

static PyObject *no_fit(void) {
    PyErr_SetString(PyExc_ValueError, "a block does not lie in its image, or in what it sees");
    return NULL;
}

#define RUN(item, name, ...)           \
    if (!PyErr_Occurred()) {           \
        Py_BEGIN_ALLOW_THREADS         \
        if (item == 4)                 \
            name##_float(__VA_ARGS__); \
        else                           \
            name##_double(__VA_ARGS__);\
        Py_END_ALLOW_THREADS           \
    }
#define EITHER(item, name, ...) ((item) == 4 ? name##_float(__VA_ARGS__) : name##_double(__VA_ARGS__))

// direct(x, w, bias, made, y, slab, finish, filters, rows, width, scratch): a block of results, into y.
static PyObject *call_direct(PyObject *self, PyObject *args) {
    PyObject *x, *w, *bias, *made, *y, *scratch;
    Slab s;
    Finish f;
    Py_ssize_t filters, rows, width;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOO" SLAB_ITEMS FINISH_ITEMS "nnnO", &x, &w, &bias, &made, &y, SLAB_PLACES(s),
                          FINISH_PLACES(f), &filters, &rows, &width, &scratch))
        return NULL;
    if (!fits(&s, &f, rows, width) || rows + (s.kernel_h - 1) * s.dy / s.sy > s.rows) return no_fit();
    Arrays arrays = {.count = 0};
    Py_ssize_t taps = s.channels * s.kernel_h * s.kernel_w, image = filters * f.height * f.width;
    void *x_ = take(&arrays, x, "x", s.channels * s.height * s.width, 0);
    void *w_ = take(&arrays, w, "w", (filters + ROWS - 1) / ROWS * ROWS * taps, 0);
    void *bias_ = take(&arrays, bias, "bias", filters, 0), *made_ = take(&arrays, made, "made", image, 0);
    void *y_ = take(&arrays, y, "y", image, 1);
    void *scratch_ = take_scratch(&arrays, scratch, EITHER(arrays.item, direct_scratch, &s, rows, width));
    RUN(arrays.item, direct, &s, &f, x_, w_, bias_, made_, y_, filters, rows, width, scratch_)
    return give_back(&arrays);
}

// strips(x, U, bias, made, y, slab, finish, filters, rows, width, scratch, outputs, parts, AT, BT): as direct.
static PyObject *call_strips(PyObject *self, PyObject *args) {
    PyObject *x, *U, *bias, *made, *y, *scratch, *AT, *BT;
    Slab s;
    Finish f;
    Strips strips;
    Py_ssize_t filters, rows, width;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOO" SLAB_ITEMS FINISH_ITEMS "nnnOnnOO", &x, &U, &bias, &made, &y, SLAB_PLACES(s),
                          FINISH_PLACES(f), &filters, &rows, &width, &scratch, &strips.outputs, &strips.parts, &AT, &BT))
        return NULL;
    if (strips.outputs < 2 || strips.outputs >= TILE || strips.parts < 1 || !fits(&s, &f, rows, width)) return no_fit();
    if ((strips_seen(&strips, rows) - 1) * strips.outputs + TILE > s.rows) return no_fit();
    Arrays arrays = {.count = 0};
    Py_ssize_t taps = s.channels * s.sy * strips.parts * s.kernel_w, image = filters * f.height * f.width;
    void *x_ = take(&arrays, x, "x", s.channels * s.height * s.width, 0);
    void *U_ = take(&arrays, U, "U", (filters + ROWS - 1) / ROWS * ROWS * taps * TILE, 0);
    void *bias_ = take(&arrays, bias, "bias", filters, 0), *made_ = take(&arrays, made, "made", image, 0);
    void *AT_ = take(&arrays, AT, "AT", strips.outputs * TILE, 0), *BT_ = take(&arrays, BT, "BT", TILE * TILE, 0);
    void *y_ = take(&arrays, y, "y", image, 1);
    void *scratch_ = take_scratch(&arrays, scratch, EITHER(arrays.item, strips_scratch, &s, &strips, rows, width));
    RUN(arrays.item, strips, &s, &strips, &f, AT_, BT_, x_, U_, bias_, made_, y_, filters, rows, width, scratch_)
    return give_back(&arrays);
}

// tiles(x, U, bias, made, y, slab, finish, filters, rows, width, scratch, outputs, AT, BT): as direct.
static PyObject *call_tiles(PyObject *self, PyObject *args) {
    PyObject *x, *U, *bias, *made, *y, *scratch, *AT, *BT;
    Slab s;
    Finish f;
    Py_ssize_t filters, rows, width, outputs;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOO" SLAB_ITEMS FINISH_ITEMS "nnnOnOO", &x, &U, &bias, &made, &y, SLAB_PLACES(s),
                          FINISH_PLACES(f), &filters, &rows, &width, &scratch, &outputs, &AT, &BT))
        return NULL;
    if (outputs < 2 || outputs >= TILE || !fits(&s, &f, rows, width) || s.sy * s.sx * s.dy * s.dx != 1) return no_fit();
    if (s.kernel_h != TILE + 1 - outputs || s.kernel_w != s.kernel_h) return no_fit();
    Arrays arrays = {.count = 0};
    Py_ssize_t packed = (filters + ROWS - 1) / ROWS * ROWS * TILE * TILE * s.channels, image = filters * f.height * f.width;
    void *x_ = take(&arrays, x, "x", s.channels * s.height * s.width, 0), *U_ = take(&arrays, U, "U", packed, 0);
    void *bias_ = take(&arrays, bias, "bias", filters, 0), *made_ = take(&arrays, made, "made", image, 0);
    void *AT_ = take(&arrays, AT, "AT", outputs * TILE, 0), *BT_ = take(&arrays, BT, "BT", TILE * TILE, 0);
    void *y_ = take(&arrays, y, "y", image, 1);
    void *scratch_ = take_scratch(&arrays, scratch, EITHER(arrays.item, tiles_scratch, &s, outputs, filters, rows, width));
    RUN(arrays.item, tiles, &s, outputs, &f, AT_, BT_, x_, U_, bias_, made_, y_, filters, rows, width, scratch_)
    return give_back(&arrays);
}

// direct_scratch(slab, rows, width, item): the bytes that a block works in. strips_scratch: with outputs and parts.
static PyObject *call_direct_scratch(PyObject *self, PyObject *args) {
    Slab s;
    Py_ssize_t rows, width, item;
    (void)self;
    if (!PyArg_ParseTuple(args, SLAB_ITEMS "nnn", SLAB_PLACES(s), &rows, &width, &item)) return NULL;
    return PyLong_FromLong(EITHER(item, direct_scratch, &s, rows, width));
}

static PyObject *call_strips_scratch(PyObject *self, PyObject *args) {
    Slab s;
    Strips strips;
    Py_ssize_t rows, width, item;
    (void)self;
    if (!PyArg_ParseTuple(args, SLAB_ITEMS "nnnnn", SLAB_PLACES(s), &rows, &width, &item, &strips.outputs, &strips.parts))
        return NULL;
    return PyLong_FromLong(EITHER(item, strips_scratch, &s, &strips, rows, width));
}

// tiles_scratch(channels, filters, rows, width, item, outputs): the bytes that a block of `tiles` works in.
static PyObject *call_tiles_scratch(PyObject *self, PyObject *args) {
    Slab s;
    Py_ssize_t filters, rows, width, item, outputs;
    (void)self;
    if (!PyArg_ParseTuple(args, "nnnnnn", &s.channels, &filters, &rows, &width, &item, &outputs)) return NULL;
    if (outputs < 2 || outputs >= TILE) return no_fit();
    return PyLong_FromLong(EITHER(item, tiles_scratch, &s, outputs, filters, rows, width));
}

// rows(): how many filters stand side by side in w and U.
static PyObject *call_rows(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    return PyLong_FromLong(ROWS);
}

static PyMethodDef calls[] = {
    {"rows", call_rows, METH_NOARGS, "How many filters stand side by side in packed ones."},
    {"direct_scratch", call_direct_scratch, METH_VARARGS, "Bytes that a block of `direct` works in."},
    {"strips_scratch", call_strips_scratch, METH_VARARGS, "Bytes that a block of `strips` works in."},
    {"direct", call_direct, METH_VARARGS, "A block of a convolution's results."},
    {"strips", call_strips, METH_VARARGS, "A block of a convolution's results, by filtering along the columns."},
    {"tiles_scratch", call_tiles_scratch, METH_VARARGS, "Bytes that a block of `tiles` works in."},
    {"tiles", call_tiles, METH_VARARGS, "A block of a convolution's results, by filtering in both directions."},
    {NULL, NULL, 0, NULL},
};
