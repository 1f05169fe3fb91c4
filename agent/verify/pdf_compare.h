/* Inside of pdf_changes.h.
 *
 * Every object of which the two revisions have different values has to be explained by a rule that permits its change,
 * in the one place where the rule applies. From everywhere else nothing that changed may be reached: what has no rule
 * is walked through strictly, on every way from the trailer. */
#pragma once

#include "verify/pdf_changes.h"

/* What an object of the earlier revision is, which may be referred to from anywhere and is compared by its own rule. */
enum sg_pdf_role {
    SG_PDF_ROLE_NONE,
    SG_PDF_ROLE_ROOT,
    SG_PDF_ROLE_PAGES, /* a node of their tree: walked through strictly, and nothing else besides */
    SG_PDF_ROLE_PAGE,
    SG_PDF_ROLE_FIELD,
    SG_PDF_ROLE_NEW_FIELD
};

enum sg_pdf_difference { SG_PDF_SAME, SG_PDF_CHANGED, SG_PDF_ADDED };

struct sg_pdf_mark {
    uint8_t difference, role;
    bool strict;    /* walked through */
    bool explained; /* its change is permitted by a rule */
    bool compared;  /* by its own rule */
    bool replaced;  /* by a rule, in the place where that applies; nothing else may have led there */
    bool held;      /* a field shows it, and what it leads to is walked through strictly */
    bool signs;     /* a field's signature */
    bool reached;   /* in the later revision, from its trailer */
};

#define SG_PDF_CATEGORIES 7 /* of resources (ISO 32000-1 §7.8.3) */

/* What the form gives to its fields. */
struct sg_pdf_defaults {
    const struct sg_pdf_value *text; /* /DA, before; NULL: none */
    const struct sg_pdf_value *resources[SG_PDF_CATEGORIES],
        *new_resources[SG_PDF_CATEGORIES]; /* /DR, before and after */
    bool text_came, redraws;               /* there is a /DA now; /NeedAppearances became another */
};

struct sg_pdf_comparison {
    struct sg_pdf *before, *after;
    int *numbers;              /* of the objects that either has, in their order; in between may be millions */
    struct sg_pdf_mark *marks; /* of each */
    size_t count;
    int *queue; /* objects to be walked through strictly; room for all */
    size_t queued;
    struct sg_pdf_defaults defaults;
    char where[256]; /* what is being compared, for a sentence */
    struct sg_pdf_changes changes;
};

/* The mark of an object; NULL: neither revision has it. */
struct sg_pdf_mark *sg_pdf_mark_of(struct sg_pdf_comparison *c, struct sg_pdf_id id);
/* Notes why it is forbidden, if nothing is noted yet. */
SG_MUST_CHECK enum sg_rc sg_pdf_forbid(struct sg_pdf_comparison *c, struct sg_err *err, const char *format, ...)
    SG_PRINTF(3, 4);

/* Whether two values are written alike; references are not followed. Either may be NULL. */
bool sg_pdf_equal(const struct sg_pdf_value *a, const struct sg_pdf_value *b);
/* The same of two objects, and of a stream's data. */
SG_MUST_CHECK enum sg_rc sg_pdf_object_equal(struct sg_pdf_comparison *c, struct sg_pdf_id id, bool *ret,
                                             struct sg_err *err);

/* The two have to be alike, and all that the earlier one leads to; `key` is what they stand under. */
SG_MUST_CHECK enum sg_rc sg_pdf_strict(struct sg_pdf_comparison *c, const char *key, const struct sg_pdf_value *before,
                                       const struct sg_pdf_value *after, struct sg_err *err);
/* Whatever `after` leads to may have changed, if nothing else leads there. `*ret_changed` (or NULL): something has. */
SG_MUST_CHECK enum sg_rc sg_pdf_permit(struct sg_pdf_comparison *c, const struct sg_pdf_value *after, bool *ret_changed,
                                       struct sg_err *err);
/* The same of what is seen: it may be written anew, but an object that was not leads to none that was. */
SG_MUST_CHECK enum sg_rc sg_pdf_permit_shown(struct sg_pdf_comparison *c, const struct sg_pdf_value *after,
                                             bool *ret_changed, struct sg_err *err);
/* What the values are, or refer to (NULL stays NULL); an object that holds the later one may have changed. */
SG_MUST_CHECK enum sg_rc sg_pdf_pair(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                     const struct sg_pdf_value *after, const struct sg_pdf_value **ret_before,
                                     const struct sg_pdf_value **ret_after, struct sg_err *err);

/* Compares what the two have under each key that either of them has. `compare` is called with NULL for what is not
 * there. */
typedef enum sg_rc sg_pdf_compare_key(struct sg_pdf_comparison *c, void *context, const char *key,
                                      const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                      struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_pdf_each_key(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                         const struct sg_pdf_value *after, sg_pdf_compare_key *compare, void *context,
                                         struct sg_err *err);

/* pdf_changes_form.c: finds the fields; then compares /AcroForm. */
SG_MUST_CHECK enum sg_rc sg_pdf_find_fields(struct sg_pdf_comparison *c, const struct sg_pdf_value *root,
                                            struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_pdf_compare_form(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                             const struct sg_pdf_value *after, struct sg_err *err);
/* A field was filled in or signed (`what`: sg_pdf_change, together). */
SG_MUST_CHECK enum sg_rc sg_pdf_note_field(struct sg_pdf_comparison *c, const char *name, unsigned what,
                                           struct sg_err *err);
/* pdf_changes_defaults.c: what the two forms (or NULL) give, for sg_pdf_is_redrawn(). */
SG_MUST_CHECK enum sg_rc sg_pdf_find_defaults(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                              const struct sg_pdf_value *after, struct sg_err *err);
/* Whether another field than one for a signature can show something else by that; `text`: its /DA, or NULL. */
bool sg_pdf_is_redrawn(const struct sg_pdf_comparison *c, const struct sg_pdf_value *text);
/* Compares an entry of the form that has no rule elsewhere. */
SG_MUST_CHECK enum sg_rc sg_pdf_compare_default(struct sg_pdf_comparison *c, const char *key,
                                                const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                                struct sg_err *err);
/* pdf_changes_look.c: what fields show. */
/* Something came to be seen with the signature of that number. */
SG_MUST_CHECK enum sg_rc sg_pdf_note_shown(struct sg_pdf_comparison *c, int signature, struct sg_err *err);
/* An appearance may be drawn anew, but is a dictionary of appearances (§12.5.5). */
SG_MUST_CHECK enum sg_rc sg_pdf_permit_appearance(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                                  const struct sg_pdf_value *after, bool *ret_changed,
                                                  struct sg_err *err);
/* Seen on a page, or when it is printed (§12.5.3): it has an area, and is not hidden. */
SG_MUST_CHECK enum sg_rc sg_pdf_is_visible(struct sg_pdf *pdf, const struct sg_pdf_value *field, bool *ret,
                                           struct sg_err *err);
bool sg_pdf_is_one_of(const char *key, const char *const *keys); /* NULL ends them */

/* pdf_changes_about.c: what is said about the document. `before` or `after` may be NULL. */
SG_MUST_CHECK enum sg_rc sg_pdf_compare_info(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                             const struct sg_pdf_value *after, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_pdf_compare_metadata(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                                 const struct sg_pdf_value *after, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_pdf_compare_version(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                                const struct sg_pdf_value *after, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_pdf_compare_extensions(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                                   const struct sg_pdf_value *after, struct sg_err *err);
/* All of that may have changed only together with what writes it; all else has to be compared by then. */
SG_MUST_CHECK enum sg_rc sg_pdf_check_company(struct sg_pdf_comparison *c, struct sg_err *err);

/* pdf_changes_page.c: the same for pages; new fields have to be known by then. */
SG_MUST_CHECK enum sg_rc sg_pdf_find_pages(struct sg_pdf_comparison *c, const struct sg_pdf_value *root,
                                           struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_pdf_compare_pages(struct sg_pdf_comparison *c, struct sg_err *err);
