/* The compiled kernels as a Python module, for one instruction set; setup.py compiles this file once for each.

   KERNELS_NAME is the set: avx512, avx2 or generic. KERNELS_SOURCES is the digest of this file and its headers, as
   `pysketch/native/loader.py` takes it, too, by which it sees a module that was built from others.

   A module of a set that the CPU has not must not be imported: any line of it may have become such instructions. What
   the CPU has is asked of `_generic`, which is compiled for any CPU of its kind. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "calls.h"

_Static_assert(sizeof(long) == sizeof(Py_ssize_t), "the kernels count in long what Python counts in Py_ssize_t");

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define JOINED_OF(a, b) a##b
#define JOINED(a, b) JOINED_OF(a, b)

#if defined(__clang__)
#define COMPILER "clang " TEXT(__clang_major__) "." TEXT(__clang_minor__)
#else
#define COMPILER "gcc " TEXT(__GNUC__) "." TEXT(__GNUC_MINOR__)
#endif

/* The sets that this CPU, and the system it runs under, can execute: a tuple of names, or NULL with an error set. */
static PyObject *sets_of_this_cpu(void)
{
    int avx2 = 0, avx512 = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
#endif
    if (avx512)
        return Py_BuildValue("(sss)", "avx512", "avx2", "generic");
    return avx2 ? Py_BuildValue("(ss)", "avx2", "generic") : Py_BuildValue("(s)", "generic");
}

static int fill(PyObject *module)
{
    PyObject *sets = sets_of_this_cpu();
    if (PyModule_AddObjectRef(module, "sets", sets) < 0)
        return -1;
    Py_DECREF(sets);
    if (PyModule_AddStringConstant(module, "sources", TEXT(KERNELS_SOURCES)) < 0)
        return -1;
    return PyModule_AddStringConstant(module, "compiler", COMPILER);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)fill},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pysketch.native._" TEXT(KERNELS_NAME),
    .m_doc = "Compiled kernels.",
    .m_methods = calls,
    .m_slots = slots,
};

PyMODINIT_FUNC JOINED(PyInit__, KERNELS_NAME)(void)
{
    return PyModuleDef_Init(&definition);
}
