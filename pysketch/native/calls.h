/* What Python can call. */

static PyObject *width(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
#if defined(__AVX512F__)
    return PyLong_FromLong(64);
#elif defined(__AVX2__)
    return PyLong_FromLong(32);
#else
    return PyLong_FromLong(16);
#endif
}

static PyMethodDef calls[] = {
    {"width", width, METH_NOARGS, "The bytes of a vector register."},
    {NULL, NULL, 0, NULL},
};
