/* Libraries that are slow to load, and that most runs do not need (qpdf, zlib and libxml2, HarfBuzz), are linked by
 * modules of ours alone: shared objects in the folder of programs, each of which exports one table of functions. A
 * program that has the table linked in (a test, a fuzz target) needs no module. */
#pragma once

#include "base/err.h"

/* Where a caller keeps a table once it is loaded: a judging child may not even ask where modules are. */
typedef _Atomic(const void *) sg_module_kept;

/* The table `symbol` of the module `name` ("signet-pdf.so"), which is never unloaded; safe from several threads.
 * `linked`: the table itself, where the program has it (a weak reference), else NULL. A module that is not there, or
 * has no such table: SG_E_INTERNAL. */
SG_MUST_CHECK enum sg_rc sg_module_table(const char *name, const char *symbol, const void *linked, sg_module_kept *kept,
                                         const void **ret, struct sg_err *err);
