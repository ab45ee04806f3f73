//go:build cgo && linux

/* checks.h: what the check*.c files share. */
#ifndef HEBBKERN_CHECKS_H
#define HEBBKERN_CHECKS_H

#include "internal.h"

#pragma GCC visibility push(hidden)

/* The lengths that arguments share, and who set them. */
typedef struct hki_lengths {
    int64_t value[HKI_AXES];
    int set[HKI_AXES];
} hki_lengths;

const char *hki_dtype_name(int dtype);
const char *hki_shape_text(char text[64], int ndim, int64_t rows, int64_t cols);
double hki_scalar_value(const hk_array *a);
double hki_element(const hk_array *a, int64_t k);

/* Array i of a kernel against its description in the table; only its shape. */
int hki_check_array(int kernel, int i, const hk_array *args, hki_lengths *known, hk_error *err);
int hki_check_shape(const char *kernel, const hki_array_spec *spec, int i, const hk_array *a, hki_lengths *known, hk_error *err);

/* Whether strides and memory of array i are such that it can be used. */
int hki_check_layout(const char *kernel, const hki_array_spec *spec, int i, const hk_array *a, hk_error *err);

/* What is wanted of several arguments of a kernel together, each of which is good by itself. */
int hki_check_together(int kernel, const hk_array *a, const hki_scalar *s, hk_error *err);

/* What is wrong with the structure of sparse weights of `cols` columns whose two arrays are vectors of one integer type.
 * HKI_ROWS_FALL: at[0] is the row; HKI_COLUMNS: column at[0] comes after at[1] in row at[2]. */
enum { HKI_STRUCTURE_FINE, HKI_ROWS_SPAN, HKI_ROWS_FALL, HKI_COLUMNS };
int hki_structure_fault(const hk_array *indices, const hk_array *indptr, int64_t cols, int64_t at[3]);

/* What a kernel composes its updates with. */
int hki_check_composition(int kernel, const hk_array *args, const hki_scalar *scalars, hk_error *err);

/* Sparse weights, and what has a value for each; in standing, a copy of the arrays, such of the shape of w take their
 * place for the checks of the others. */
int hki_check_sparse(int kernel, const hk_array *args, const hki_scalar *scalars, hk_array *standing, hk_error *err);

#pragma GCC visibility pop
#endif
