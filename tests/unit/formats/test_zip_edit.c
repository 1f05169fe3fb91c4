/* Is an archive in which a file was replaced, or to which some were added, a whole one with everything else as it was,
 * octet for octet? Its directory has what other programs write: comments, extra fields, places of 64 bits. */
#include "signing.h"

#include "formats/zip_private.h"

#define MAX_FILE (64 * SG_KIB)

static struct sg_slice text(const char *string)
{
    return (struct sg_slice){(const uint8_t *)string, strlen(string)};
}

static void put(struct sg_buf *out, uint64_t value, int octets)
{
    uint8_t bytes[8];
    struct sg_err err;
    (void)sg_zip_put(bytes, value, octets);
    assert_ok(sg_buf_append(out, bytes, (size_t)octets, &err), &err);
}

static void put_text(struct sg_buf *out, const char *string)
{
    struct sg_err err;
    assert_ok(sg_buf_append(out, string, strlen(string), &err), &err);
}

/* A stored file of an archive by another program. */
struct file {
    const char *name, *content;
    bool descriptor, far; /* CRC and sizes behind it; its place in 64 bits */
    uint64_t at;
};

static uint32_t crc_of(const char *string)
{
    return sg_zip_module.crc32(0, (const uint8_t *)string, strlen(string));
}

static void put_local(struct sg_buf *out, struct file *file)
{
    const size_t len = strlen(file->content);
    file->at = out->len;
    put(out, SG_ZIP_LOCAL, 4);
    put(out, 20, 2);
    put(out, file->descriptor ? SG_ZIP_BIT_DESCRIPTOR : 0, 2);
    put(out, 0, 2 + 4);
    put(out, file->descriptor ? 0 : crc_of(file->content), 4);
    put(out, file->descriptor ? 0 : len, 4);
    put(out, file->descriptor ? 0 : len, 4);
    put(out, strlen(file->name), 2);
    put(out, 6, 2);
    put_text(out, file->name);
    put(out, 0x7855, 2); /* some extra field */
    put(out, 2, 2);
    put(out, 0x3131, 2);
    put_text(out, file->content);
    if (file->descriptor) {
        put(out, SG_ZIP_DESCRIPTOR, 4);
        put(out, crc_of(file->content), 4);
        put(out, len, 4);
        put(out, len, 4);
    }
}

static void put_central(struct sg_buf *out, const struct file *file)
{
    put(out, SG_ZIP_CENTRAL, 4);
    put(out, 20, 2);
    put(out, 20, 2);
    put(out, file->descriptor ? SG_ZIP_BIT_DESCRIPTOR : 0, 2);
    put(out, 0, 2);
    put(out, 0x6a2b, 2); /* the time and ... */
    put(out, 0x5a21, 2); /* ... the day */
    put(out, crc_of(file->content), 4);
    put(out, strlen(file->content), 4);
    put(out, strlen(file->content), 4);
    put(out, strlen(file->name), 2);
    put(out, file->far ? 12 : 0, 2);
    put(out, 7, 2);
    put(out, 0, 8);
    put(out, file->far ? SG_ZIP_MAX32 : file->at, 4);
    put_text(out, file->name);
    if (file->far) {
        put(out, SG_ZIP_EXTRA_64, 2);
        put(out, 8, 2);
        put(out, file->at, 8);
    }
    put_text(out, "remarks");
}

static void make(struct sg_buf *out)
{
    struct file files[] = {{.name = "mimetype", .content = "type"},
                           {.name = "a.txt", .content = "the first", .descriptor = true},
                           {.name = "META-INF/signature.p7s", .content = "old signature", .descriptor = true},
                           {.name = "b.txt", .content = "the second"},
                           {.name = "c.txt", .content = "the third", .far = true}};
    const size_t count = sizeof files / sizeof *files;
    for (size_t i = 0; i < count; i++)
        put_local(out, &files[i]);
    const size_t directory = out->len;
    for (size_t i = count; i-- > 0;) /* (the directory may have another order) */
        put_central(out, &files[i]);
    const size_t end = out->len;
    put(out, SG_ZIP_END, 4);
    put(out, 0, 4);
    put(out, count, 2);
    put(out, count, 2);
    put(out, end - directory, 4);
    put(out, directory, 4);
    put(out, 8, 2);
    put_text(out, "mimetype");
}

static void open_zip(const struct sg_buf *bytes, struct sg_input **input, struct sg_zip **zip)
{
    struct sg_err err;
    assert_ok(sg_input_from_slice("a.zip", sg_buf_slice(bytes), input, &err), &err);
    assert_ok(sg_zip_open(*input, zip, &err), &err);
}

static void assert_content(const struct sg_zip *zip, const char *name, const char *content)
{
    struct sg_err err;
    _cleanup_(sg_buf_clear) struct sg_buf got = SG_BUF(MAX_FILE);
    const struct sg_zip_entry *entry = sg_zip_find(zip, name);
    assert_non_null(entry);
    assert_ok(sg_zip_copy(zip, entry, sg_buf_sink(&got), &err), &err);
    assert_true(sg_slice_equal(sg_buf_slice(&got), text(content)));
}

static bool holds(struct sg_slice all, struct sg_slice part)
{
    return memmem(all.data, all.len, part.data, part.len) != NULL;
}

/* Local header, data and descriptor of an entry, up to what comes next. */
static struct sg_slice span_of(const struct sg_buf *bytes, const struct sg_zip *zip, const char *name)
{
    const struct sg_zip_entry *entry = sg_zip_find(zip, name);
    size_t descriptor = sg_zip_get16(bytes->data + entry->header + 6) & SG_ZIP_BIT_DESCRIPTOR ? 16 : 0;
    return (struct sg_slice){bytes->data + entry->header,
                             (size_t)(entry->data - entry->header + entry->packed) + descriptor};
}

static const char *const names[] = {"mimetype", "a.txt", "META-INF/signature.p7s", "b.txt", "c.txt"};
static const char *const contents[] = {"type", "the first", "old signature", "the second", "the third"};

#define FILES (sizeof names / sizeof *names)

/* Each in turn, by more octets and by fewer. */
static void test_replaced(void **state)
{
    static const char *const others[] = {"a much longer content than the one that was there", "", "old signaturf"};
    (void)state;
    for (size_t i = 0; i < FILES * 3; i++) {
        struct sg_err err;
        _cleanup_(sg_buf_clear) struct sg_buf before = SG_BUF(MAX_FILE), after = SG_BUF(MAX_FILE);
        _cleanup_(sg_input_freep) struct sg_input *input = NULL, *changed = NULL;
        _cleanup_(sg_zip_freep) struct sg_zip *zip = NULL, *result = NULL;
        make(&before);
        open_zip(&before, &input, &zip);
        assert_ok(sg_zip_replace(zip, sg_zip_find(zip, names[i / 3]), text(others[i % 3]), sg_buf_sink(&after), &err),
                  &err);
        open_zip(&after, &changed, &result); /* which reads every header, and compares them */
        assert_int_equal(sg_zip_count(result), FILES);
        for (size_t k = 0; k < FILES; k++) {
            assert_content(result, names[k], k == i / 3 ? others[i % 3] : contents[k]);
            if (k != i / 3)
                assert_true(holds(sg_buf_slice(&after), span_of(&before, zip, names[k])));
            assert_true(k == 0 || sg_zip_find(result, names[k])->header > sg_zip_find(result, names[k - 1])->header);
        }
        assert_true(sg_zip_find(result, names[i / 3])->bare);
        assert_memory_equal(after.data + after.len - 8, "mimetype", 8);
        /* the directory keeps its order, and the file its time */
        const uint8_t *last = memmem(after.data, after.len, "c.txtremarks", 12);
        assert_true(i / 3 == 4 || last || memmem(after.data, after.len, "c.txt\x01", 6));
        const uint64_t at = sg_zip_find(result, names[i / 3])->header;
        assert_int_equal(sg_zip_get32(after.data + at + 10), 0x5a216a2b);
    }
}

static void test_appended(void **state)
{
    struct sg_err err;
    _cleanup_(sg_buf_clear) struct sg_buf before = SG_BUF(MAX_FILE), after = SG_BUF(MAX_FILE);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL, *changed = NULL;
    _cleanup_(sg_zip_freep) struct sg_zip *zip = NULL, *result = NULL;
    const struct sg_zip_file files[] = {{"META-INF/ASiCManifest002.xml", text("<manifest/>")}, {"ü", text("")}};
    (void)state;
    make(&before);
    open_zip(&before, &input, &zip);
    assert_ok(sg_zip_append(zip, files, 2, NOW, sg_buf_sink(&after), &err), &err);
    open_zip(&after, &changed, &result);
    assert_int_equal(sg_zip_count(result), FILES + 2);
    for (size_t i = 0; i < FILES; i++)
        assert_content(result, names[i], contents[i]);
    assert_content(result, files[0].name, "<manifest/>");
    assert_content(result, files[1].name, "");
    /* all that was there begins the file, and its directory comes again as it was */
    const size_t end = sg_zip_find(result, files[0].name)->header;
    assert_memory_equal(before.data, after.data, end);
    const uint8_t *directory = before.data + end;
    const size_t len = before.len - end - SG_ZIP_END_SIZE - 8;
    assert_true(holds(sg_buf_slice(&after), (struct sg_slice){directory, len}));
    assert_memory_equal(after.data + after.len - 8, "mimetype", 8);
}

/* What would make an archive that is refused is not written. */
static void test_refused(void **state)
{
    struct sg_err err;
    _cleanup_(sg_buf_clear) struct sg_buf before = SG_BUF(MAX_FILE), after = SG_BUF(MAX_FILE);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_zip_freep) struct sg_zip *zip = NULL;
    const struct sg_zip_file outside = {"../a", text("x")};
    (void)state;
    make(&before);
    open_zip(&before, &input, &zip);
    assert_int_equal(sg_zip_append(zip, &outside, 1, NOW, sg_buf_sink(&after), &err), SG_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_appended),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
