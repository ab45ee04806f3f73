//go:build cgo && linux

/* python.c: the kernels as built-in functions of CPython.
 *
 * The functions of CPython that are needed are found at run time, so that the library links against no Python and a C
 * program can load it without one. They are all part of the stable ABI of 3.10 and later, but for the buffer protocol,
 * which joined it unchanged in 3.11; objects are opaque here. */
#include "internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

typedef struct object PyObject;
typedef ssize_t Py_ssize_t;

typedef struct py_buffer {
    void *buf;
    PyObject *obj;
    Py_ssize_t len, itemsize;
    int readonly, ndim;
    char *format;
    Py_ssize_t *shape, *strides, *suboffsets;
    void *internal;
} py_buffer;

typedef struct method_def {
    const char *name;
    PyObject *(*function)(PyObject *self, PyObject *const *args, Py_ssize_t count);
    int flags;
    const char *doc;
} method_def;

enum { METH_FASTCALL = 0x80, BUFFER_WRITABLE = 0x01, BUFFER_STRIDES_FORMAT = 0x10 | 0x08 | 0x04 };

/* CPython's functions, by name. */
#define CPYTHON_FUNCTIONS(X)                                                           \
    X(int, PyObject_CheckBuffer, (PyObject *))                                         \
    X(int, PyObject_GetBuffer, (PyObject *, py_buffer *, int))                         \
    X(void, PyBuffer_Release, (py_buffer *))                                           \
    X(double, PyFloat_AsDouble, (PyObject *))                                          \
    X(long long, PyLong_AsLongLong, (PyObject *))                                      \
    X(PyObject *, PyLong_FromLong, (long))                                             \
    X(PyObject *, Py_BuildValue, (const char *, ...))                                  \
    X(PyObject *, PyErr_Occurred, (void))                                              \
    X(int, PyErr_ExceptionMatches, (PyObject *))                                       \
    X(int, PyObject_IsInstance, (PyObject *, PyObject *))                              \
    X(void, PyErr_Clear, (void))                                                       \
    X(int, PyErr_CheckSignals, (void))                                                 \
    X(void *, PyEval_SaveThread, (void))                                               \
    X(void, PyEval_RestoreThread, (void *))                                            \
    X(PyObject *, PyCFunction_NewEx, (method_def *, PyObject *, PyObject *))           \
    X(PyObject *, PyMemoryView_FromMemory, (char *, Py_ssize_t, int))                  \
    X(PyObject *, PyObject_CallFunctionObjArgs, (PyObject *, ...))                     \
    X(void, Py_IncRef, (PyObject *))                                                   \
    X(void, Py_DecRef, (PyObject *))

#define DECLARE(result, name, parameters) result(*name) parameters;
static struct cpython {
    CPYTHON_FUNCTIONS(DECLARE)
    PyObject *none;
    PyObject *float_type, *int_type;
    PyObject **exception; /* PyExc_Exception */
} py;

static int find_cpython(void) {
    if (py.none) return 1;
#define FIND(result, name, parameters) \
    if (!(*(void **)&py.name = dlsym(RTLD_DEFAULT, #name))) return 0;
    CPYTHON_FUNCTIONS(FIND)
    if (!(py.exception = dlsym(RTLD_DEFAULT, "PyExc_Exception"))) return 0;
    if (!(py.float_type = dlsym(RTLD_DEFAULT, "PyFloat_Type"))) return 0;
    if (!(py.int_type = dlsym(RTLD_DEFAULT, "PyLong_Type"))) return 0;
    py.none = dlsym(RTLD_DEFAULT, "_Py_NoneStruct");
    return py.none != 0;
}

/* The largest args struct. */
typedef struct any_args {
    hk_array arrays[HKI_MAX_ARRAYS];
    hki_scalar scalars[HKI_MAX_SCALARS];
} any_args;

typedef struct call {
    const hki_kernel *kernel;
    any_args args;
    py_buffer views[HKI_MAX_ARRAYS];
    int viewed; /* views[0 ... viewed) are to be released */
    double numbers[HKI_MAX_ARRAYS]; /* where Python numbers stand as scalars of the element type */
    hk_error err;
    int raised; /* an exception is set that is not about an argument: give it on */
} call;

/* "d", "<f", "?" as in PEP 3118; HK_ABSENT for any other element. */
static int dtype_of(const char *format) {
    if (!format) return HK_ABSENT;
    if (*format == '@' || *format == '=' || *format == '<') format++;
    if (!*format || format[1]) return HK_ABSENT;
    return *format == 'f' ? HK_FLOAT32 : *format == 'd' ? HK_FLOAT64 : *format == '?' ? HK_BOOL : HK_ABSENT;
}

static int integer_of(const char *format) {
    if (format && (*format == '@' || *format == '=' || *format == '<')) format++;
    if (!format || !*format || format[1]) return HK_ABSENT;
    return *format == 'i' ? HK_INT32 : *format == 'l' || *format == 'q' ? HK_INT64 : HK_ABSENT;
}

/* Clears an ordinary exception; KeyboardInterrupt and SystemExit are given on. */
static int forget_exception(call *c) {
    if (py.PyErr_Occurred()) {
        if (!py.PyErr_ExceptionMatches(*py.exception)) c->raised = 1;
        else py.PyErr_Clear();
    }
    return c->raised;
}

static int refuse(call *c, int status, int reason, int i, const char *what) {
    const hki_kernel *k = c->kernel;
    const char *name = i < k->arrays ? k->array[i].name : k->scalar[i - k->arrays].name;
    return hki_fail(&c->err, status, reason, i, -1, "%s: %s %s", k->name, name, what);
}

/* A Python number as a scalar of the element type. */
static int number(call *c, int i, PyObject *object) {
    double v = py.PyFloat_AsDouble(object);
    if (v == -1 && py.PyErr_Occurred()) {
        if (forget_exception(c)) return HK_E_TYPE;
        return refuse(c, HK_E_TYPE, HK_R_OBJECT, i, "is neither an array nor a number");
    }
    hk_array *a = &c->args.arrays[i];
    *a = hk_scalar(&c->numbers[i], c->args.arrays[0].dtype);
    if (a->dtype == HK_FLOAT32) *(float *)a->data = (float)v;
    else c->numbers[i] = v;
    return HK_OK;
}

static int buffer(call *c, int i, PyObject *object) {
    py_buffer *view = &c->views[i];
    if (py.PyObject_GetBuffer(object, view, BUFFER_STRIDES_FORMAT) < 0) {
        view->obj = 0;
        if (forget_exception(c)) return HK_E_TYPE;
        return refuse(c, HK_E_TYPE, HK_R_OBJECT, i, "gives no strided buffer");
    }
    const hki_array_spec *spec = &c->kernel->array[i];
    if (view->ndim == 0 && spec->flags & (HKI_OR_SCALAR | HKI_SCALAR)) return number(c, i, object);
    int dtype = spec->flags & HKI_INTEGERS ? integer_of(view->format) : dtype_of(view->format);
    if (dtype == HK_ABSENT && spec->flags & HKI_INTEGERS)
        return refuse(c, HK_E_TYPE, HK_R_DTYPE, i, "has elements that are neither int32 nor int64");
    if (dtype == HK_ABSENT) return refuse(c, HK_E_TYPE, HK_R_DTYPE, i, "has elements that are neither float32 nor float64 nor bool");
    hk_array *a = &c->args.arrays[i];
    const Py_ssize_t size = view->itemsize;
    int n = view->ndim;
    a->data = view->buf;
    a->dtype = (uint16_t)dtype;
    a->ndim = (uint16_t)n;
    a->flags = view->readonly ? HK_READONLY : 0;
    a->rows = n == 2 ? view->shape[0] : 1;
    a->cols = n == 0 ? 1 : view->shape[n - 1];
    a->stride = a->cols;
    /* ctypes arrays give no strides: they have no gaps */
    if (n == 0 || n > 2 || a->rows == 0 || !view->strides) return HK_OK;
    if (a->cols > 1 && view->strides[n - 1] != size)
        return refuse(c, HK_E_VALUE, HK_R_LAYOUT, i, "has a last axis that is not contiguous");
    if (n == 2 && a->rows > 1) {
        if (view->strides[0] % size) return refuse(c, HK_E_VALUE, HK_R_LAYOUT, i, "has rows that are not whole elements apart");
        a->stride = view->strides[0] / size;
    }
    return HK_OK;
}

static int array(call *c, int i, PyObject *object) {
    c->views[i].obj = 0;
    c->viewed = i + 1;
    memset(&c->args.arrays[i], 0, sizeof c->args.arrays[i]);
    if (object == py.none) return HK_OK;
    if (py.PyObject_CheckBuffer(object)) return buffer(c, i, object);
    /* Only true numbers: an array of another library may offer float() too, and has a shape to be checked. */
    if (c->kernel->array[i].flags & (HKI_OR_SCALAR | HKI_SCALAR) &&
        (py.PyObject_IsInstance(object, py.float_type) || py.PyObject_IsInstance(object, py.int_type)))
        return number(c, i, object);
    return refuse(c, HK_E_TYPE, HK_R_OBJECT, i, "is not an array");
}

static int scalar(call *c, int i, PyObject *object) {
    hki_scalar *s = (hki_scalar *)(c->args.arrays + c->kernel->arrays) + i;
    int code = c->kernel->scalar[i].kind == HKI_CODE;
    if (code) s->code = py.PyLong_AsLongLong(object);
    else s->real = py.PyFloat_AsDouble(object);
    if ((code ? s->code == -1 : s->real == -1) && py.PyErr_Occurred()) {
        if (forget_exception(c)) return HK_E_TYPE;
        return refuse(c, HK_E_TYPE, HK_R_OBJECT, c->kernel->arrays + i, "is not a number");
    }
    return HK_OK;
}

/* Estimated work above which other Python threads get the lock. The estimate is for a slow core: on a fast one this
 * is some 20 us. */
static const double RELEASE_NS = 50e3;

static int work(call *c, int kernel, int64_t *at) {
    hki_work w = hki_estimate(kernel, &c->args);
    int status;
    if ((double)w.units * w.unit_ns < RELEASE_NS) {
        do status = hki_step(kernel, &c->args, &w, at, &c->err); while (status == HK_MORE);
        return status;
    }
    /* What is changed in place is brought to its end, but for a sequence of samples, which may stop between two;
     * a fresh result may be given up for Ctrl-C. */
    int interruptible = kernel == HKI_FORWARD || kernel == HKI_POWER_SUMS || kernel == HKI_LEARN ||
                        kernel >= HKI_STDP;
    void *thread = py.PyEval_SaveThread();
    while ((status = hki_step(kernel, &c->args, &w, at, &c->err)) == HK_MORE && interruptible) {
        py.PyEval_RestoreThread(thread);
        if (py.PyErr_CheckSignals() < 0) {
            c->raised = 1;
            return HK_E_VALUE;
        }
        thread = py.PyEval_SaveThread();
    }
    while (status == HK_MORE) status = hki_step(kernel, &c->args, &w, at, &c->err);
    py.PyEval_RestoreThread(thread);
    return status;
}

static int prepare(call *c, int kernel, PyObject *const *args, Py_ssize_t count) {
    const hki_kernel *k = c->kernel;
    if (count != k->arrays + k->scalars && count != k->arrays + k->scalars + 1)
        return hki_fail(&c->err, HK_E_TYPE, HK_R_MISSING, -1, -1, "%s: %zd arguments given; %d are wanted", k->name, count,
                        k->arrays + k->scalars);
    int status;
    for (int i = 0; i < k->arrays; i++)
        if ((status = array(c, i, args[i]))) return status;
    for (int i = 0; i < k->scalars; i++)
        if ((status = scalar(c, i, args[k->arrays + i]))) return status;
    if ((status = hki_check(kernel, &c->args, &c->err))) return status;
    return hki_check_spikes(kernel, &c->args, &c->err);
}

/* self is the kernel's number. */
static PyObject *run(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    int kernel = (int)py.PyLong_AsLongLong(self);
    call c;
    c.kernel = &hki_kernels[kernel];
    c.viewed = c.raised = 0;
    c.err.message[0] = 0;
    int64_t at = 0, *progress = &at;
    py_buffer counter = {0};
    int status = prepare(&c, kernel, args, count);
    if (status == HK_OK && count > c.kernel->arrays + c.kernel->scalars) {
        if (py.PyObject_GetBuffer(args[count - 1], &counter, BUFFER_WRITABLE) < 0) c.raised = 1;
        else if (counter.len != sizeof at)
            status = hki_fail(&c.err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: the counter is not one int64", c.kernel->name);
        else *(progress = counter.buf) = 0;
    }
    if (status == HK_OK && !c.raised) status = work(&c, kernel, progress);
    if (counter.obj) py.PyBuffer_Release(&counter);
    for (int i = 0; i < c.viewed; i++)
        if (c.views[i].obj) py.PyBuffer_Release(&c.views[i]);
    if (c.raised) return 0;
    if (status != HK_OK)
        return py.Py_BuildValue("(iiiisLL)", status, c.err.reason, c.err.argument, c.err.other, c.err.message,
                                (long long)c.err.sample, (long long)c.err.layer);
    py.Py_IncRef(py.none);
    return py.none;
}

void *hk_python_function(const char *name) {
    static method_def methods[HKI_KERNELS];
    int kernel = hki_kernel_by_name(name);
    if (kernel < 0 || !find_cpython()) return 0;
    hki_ask_isa();
    methods[kernel] = (method_def){hki_kernels[kernel].name, run, METH_FASTCALL, 0};
    PyObject *self = py.PyLong_FromLong(kernel);
    if (!self) return 0;
    PyObject *function = py.PyCFunction_NewEx(&methods[kernel], self, 0);
    py.Py_DecRef(self);
    return function;
}

int hk_python_derivative(void *callable, const double *w, double *slope, int64_t n) {
    enum { READ = 0x100, WRITE = 0x200 };
    if (!find_cpython()) return -1;
    Py_ssize_t size = (Py_ssize_t)n * (Py_ssize_t)sizeof(double);
    PyObject *in = py.PyMemoryView_FromMemory((char *)w, size, READ);
    PyObject *out = in ? py.PyMemoryView_FromMemory((char *)slope, size, WRITE) : 0;
    PyObject *answer = out ? py.PyObject_CallFunctionObjArgs(callable, in, out, (PyObject *)0) : 0;
    if (answer) py.Py_DecRef(answer);
    if (out) py.Py_DecRef(out);
    if (in) py.Py_DecRef(in);
    return answer ? 0 : -1;
}
