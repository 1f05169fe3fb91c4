#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/zip_private.h"

enum sg_rc sg_zip_malformed(const struct sg_zip *zip, const char *name, const char *reason, struct sg_err *err)
{
    const char *file = sg_input_name(zip->input);
    if (name)
        return sg_about(file, err,
                        sg_fail(err, SG_E_MALFORMED, _("\"%s\" is a broken ZIP archive: its entry \"%s\": %s."), file,
                                name, reason));
    return sg_about(file, err, sg_fail(err, SG_E_MALFORMED, _("\"%s\" is a broken ZIP archive: %s."), file, reason));
}

enum sg_rc sg_zip_probe(struct sg_input *input, bool *ret_is_zip, struct sg_err *err)
{
    uint8_t begin[4] = {0};
    size_t done = 0;
    enum sg_rc rc = sg_input_read(input, 0, begin, sizeof begin, &done, err);
    if (rc == SG_OK)
        *ret_is_zip =
            done == sizeof begin && (sg_zip_get32(begin) == SG_ZIP_LOCAL || sg_zip_get32(begin) == SG_ZIP_END);
    return rc;
}

enum sg_rc sg_zip_preload(struct sg_err *err)
{
    const struct sg_zip_module *module = NULL;
    return sg_zip_module_get(&module, err);
}

void sg_zip_free(struct sg_zip *zip)
{
    if (!zip)
        return;
    for (size_t i = 0; zip->names && i < zip->count; i++)
        free(zip->names[i]);
    free(zip->names);
    free(zip->entries);
    free(zip);
}

static int by_name(const void *a, const void *b)
{
    const struct sg_zip_central *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static enum sg_rc take(struct sg_zip *zip, struct sg_zip_central *entry, struct sg_err *err)
{
    if (entry->is_folder)
        return SG_OK;
    if (zip->count > 0 && strcmp(zip->names[zip->count - 1], entry->name) == 0)
        return sg_zip_malformed(zip, entry->name, _("there are two of that name"), err);
    zip->entries[zip->count] = (struct sg_zip_entry){.name = entry->name,
                                                     .header = entry->header,
                                                     .data = entry->data,
                                                     .packed = entry->packed,
                                                     .size = entry->size,
                                                     .crc32 = entry->crc32,
                                                     .method = (enum sg_zip_method)entry->method,
                                                     .bare = entry->bare};
    zip->names[zip->count++] = sg_steal(entry->name);
    return SG_OK;
}

/* No folder has the name of a file: no disk could have both. */
static enum sg_rc check_folders(const struct sg_zip *zip, const char *name, struct sg_err *err)
{
    char folder[SG_MAX_ZIP_NAME + 1];
    bool is_file = false;
    (void)strcpy(folder, name); /* as long as a name may be */
    for (char *slash = strchr(folder, '/'); slash && !is_file; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        is_file = sg_zip_find(zip, folder) != NULL;
        *slash = '/';
    }
    return is_file ? sg_zip_malformed(zip, name, _("a folder that it is in has the name of a file"), err) : SG_OK;
}

static enum sg_rc check_all_folders(const struct sg_zip *zip, const struct sg_zip_central *found, size_t count,
                                    struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < count; i++)
        if (found[i].name)
            rc = check_folders(zip, found[i].name, err);
    for (size_t i = 0; rc == SG_OK && i < zip->count; i++)
        rc = check_folders(zip, zip->names[i], err);
    return rc;
}

static enum sg_rc take_all(struct sg_zip *zip, struct sg_zip_central *found, size_t count, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    qsort(found, count, sizeof *found, by_name);
    zip->entries = calloc(count + 1, sizeof *zip->entries);
    zip->names = calloc(count + 1, sizeof *zip->names);
    if (!zip->entries || !zip->names)
        return sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < count; i++)
        rc = take(zip, &found[i], err);
    return rc == SG_OK ? check_all_folders(zip, found, count, err) : rc;
}

static void free_found(struct sg_zip_central *found, size_t count)
{
    for (size_t i = 0; found && i < count; i++)
        free(found[i].name);
    free(found);
}

enum sg_rc sg_zip_open(struct sg_input *input, struct sg_zip **ret, struct sg_err *err)
{
    _cleanup_(sg_zip_freep) struct sg_zip *zip = calloc(1, sizeof *zip);
    _cleanup_(sg_buf_clear) struct sg_buf directory = SG_BUF(SG_MAX_ZIP_DIRECTORY);
    struct sg_zip_central *found = NULL;
    size_t count = 0;
    uint64_t end = 0;
    if (!zip)
        return sg_fail_memory(err);
    zip->input = input;
    enum sg_rc rc = sg_zip_module_get(&zip->module, err);
    if (rc == SG_OK)
        rc = sg_zip_read_directory(zip, &directory, &found, &count, &end, err);
    if (rc == SG_OK)
        rc = sg_zip_check_local(zip, found, count, end, err);
    if (rc == SG_OK)
        rc = take_all(zip, found, count, err);
    free_found(found, count);
    if (rc == SG_OK)
        *ret = sg_steal(zip);
    return rc;
}

size_t sg_zip_count(const struct sg_zip *zip)
{
    return zip->count;
}

const struct sg_zip_entry *sg_zip_entry(const struct sg_zip *zip, size_t index)
{
    return &zip->entries[index];
}

static int compare_to_entry(const void *name, const void *entry)
{
    return strcmp(name, ((const struct sg_zip_entry *)entry)->name);
}

const struct sg_zip_entry *sg_zip_find(const struct sg_zip *zip, const char *name)
{
    return bsearch(name, zip->entries, zip->count, sizeof *zip->entries, compare_to_entry);
}
