/* A PDF of one page that shows a visible signature, 20 points from the page's edges:
 *
 *   show_look WIDTH HEIGHT IMAGE|- FONT|- LINE... > OUT.pdf
 *
 * The error's word and sentence go to stderr, and the exit status is its own. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "formats/pdf_look.h"

#define MARGIN 20
#define BEFORE 4 /* objects before those of the look: catalog, pages, page, its content */

static size_t offsets[1024];
static size_t written;

static void put(const void *data, size_t len)
{
    if (fwrite(data, 1, len, stdout) != len)
        abort();
    written += len;
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

static void begin(size_t number)
{
    char text[64];
    offsets[number] = written;
    (void)snprintf(text, sizeof(text), "%zu 0 obj\n", number);
    put_text(text);
}

/* "@N@" becomes the reference that the writer of PDFs puts there. */
static void put_dictionary(const char *text, size_t stream_len, bool is_stream)
{
    char number[64];
    const char *at = NULL;
    size_t part = 0;
    for (; (at = strchr(text, '@')) && sscanf(at, "@%zu@", &part) == 1; text = strchr(at + 1, '@') + 1) {
        put(text, (size_t)(at - text));
        (void)snprintf(number, sizeof(number), " %zu 0 R", part + BEFORE + 1);
        put_text(number);
    }
    if (!is_stream) {
        put_text(text);
        return;
    }
    put(text, strlen(text) - 2); /* without its ">>" */
    (void)snprintf(number, sizeof(number), "/Length %zu>>", stream_len);
    put_text(number);
}

static void put_part(size_t number, struct sg_pdf_part *part)
{
    const char *dictionary = NULL;
    if (sg_buf_text(&part->dictionary, &dictionary, NULL) != SG_OK)
        abort();
    begin(number);
    put_dictionary(dictionary, part->data.len, part->is_stream);
    if (part->is_stream) {
        put_text("\nstream\n");
        put(part->data.data, part->data.len);
        put_text("\nendstream");
    }
    put_text("\nendobj\n");
}

static void put_page(double width, double height)
{
    char text[512];
    const char *content = "q 1 0 0 1 20 20 cm /Look Do Q";
    put_text("%PDF-1.4\n");
    begin(1);
    put_text("<</Type/Catalog/Pages 2 0 R>>\nendobj\n");
    begin(2);
    put_text("<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n");
    begin(3);
    (void)snprintf(text, sizeof(text),
                   "<</Type/Page/Parent 2 0 R/MediaBox[0 0 %g %g]/Contents 4 0 R"
                   "/Resources<</XObject<</Look 5 0 R>>>>>>\nendobj\n",
                   width + 2 * MARGIN, height + 2 * MARGIN);
    put_text(text);
    begin(4);
    (void)snprintf(text, sizeof(text), "<</Length %zu>>\nstream\n%s\nendstream\nendobj\n", strlen(content), content);
    put_text(text);
}

static void put_end(size_t objects)
{
    char text[128];
    size_t table = written;
    (void)snprintf(text, sizeof(text), "xref\n0 %zu\n0000000000 65535 f \n", objects + 1);
    put_text(text);
    for (size_t i = 1; i <= objects; i++) {
        (void)snprintf(text, sizeof(text), "%010zu 00000 n \n", offsets[i]);
        put_text(text);
    }
    (void)snprintf(text, sizeof(text), "trailer\n<</Size %zu/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n", objects + 1,
                   table);
    put_text(text);
}

static void put_pdf(double width, double height, struct sg_pdf_look_parts *parts)
{
    put_page(width, height);
    if (parts->count + BEFORE >= sizeof(offsets) / sizeof(offsets[0]))
        abort();
    for (size_t i = 0; i < parts->count; i++)
        put_part(i + BEFORE + 1, &parts->parts[i]);
    put_end(parts->count + BEFORE);
}

static struct sg_slice read_image(const char *path)
{
    static uint8_t bytes[9 * SG_MIB];
    FILE *file = fopen(path, "rb");
    if (!file)
        abort();
    struct sg_slice image = {.data = bytes, .len = fread(bytes, 1, sizeof(bytes), file)};
    (void)fclose(file);
    return image;
}

int main(int argc, char **argv)
{
    struct sg_pdf_look_parts parts = {0};
    struct sg_err err = {0};
    if (argc < 5)
        return 64;
    double width = strtod(argv[1], NULL), height = strtod(argv[2], NULL);
    const char *font = argv[4];
    struct sg_pdf_look look = {
        .lines = (const char *const *)argv + 5,
        .line_count = (size_t)argc - 5,
        .fonts = &font,
        .font_count = strcmp(font, "-") != 0,
    };
    if (strcmp(argv[3], "-") != 0)
        look.image = read_image(argv[3]);
    enum sg_rc rc = sg_pdf_look_draw(&look, width, height, argv[3], &parts, &err);
    if (rc != SG_OK) {
        (void)fprintf(stderr, "%s: %s (%s)\n", sg_rc_word(rc), err.text, err.cause);
        return sg_rc_exit(rc);
    }
    put_pdf(width, height, &parts);
    sg_pdf_look_parts_clear(&parts);
    return fflush(stdout) == 0 ? 0 : 74;
}
