/* signet-pdf.so: qpdf behind a table of C functions (pdf_private.h). No exception leaves this file. */
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/pdf_object_stream.hpp"

#include <qpdf/InputSource.hh>
#include <qpdf/Pipeline.hh>
#include <qpdf/Pl_String.hh>
#include <qpdf/QPDF.hh>
#include <qpdf/QPDFExc.hh>
#include <qpdf/QPDFObjectHandle.hh>
#include <qpdf/QPDFXRefEntry.hh>

extern "C" {
#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"
#include "formats/pdf_private.h"
}
#include "formats/pdf_heap.h"

namespace
{

constexpr size_t WINDOW = 4096; /* octets read at once: objects are small, and near each other */

/* An error of ours on its way through qpdf, which takes every std::exception for the file's fault. */
struct Failure {
    sg_err error;
};

Failure limit(const char *text)
{
    Failure failure;
    (void)sg_fail(&failure.error, SG_E_LIMIT, "%s", text);
    return failure;
}

/* The first `end` octets of an sg_input. */
class Source final : public InputSource
{
  public:
    Source(sg_input *file_, uint64_t end_) : file(file_), end(end_), name(sg_input_name(file_))
    {
    }

    qpdf_offset_t findAndSkipNextEOL() override
    {
        skip([](char c) { return c != '\n' && c != '\r'; });
        last_offset = static_cast<qpdf_offset_t>(at);
        skip([](char c) { return c == '\n' || c == '\r'; });
        farthest = std::max(farthest, at);
        return last_offset;
    }

    std::string const &getName() const override
    {
        return name;
    }

    qpdf_offset_t tell() override
    {
        return static_cast<qpdf_offset_t>(at);
    }

    void seek(qpdf_offset_t offset, int whence) override
    {
        qpdf_offset_t from = 0, target = 0;
        if (whence == SEEK_CUR)
            from = tell();
        else if (whence == SEEK_END)
            from = static_cast<qpdf_offset_t>(end);
        if (__builtin_add_overflow(from, offset, &target) || target < 0)
            throw std::runtime_error("a place in front of its beginning is referred to");
        if (static_cast<uint64_t>(target) > end)
            throw std::runtime_error("octet " + std::to_string(target) + " is referred to, and it ends with octet " +
                                     std::to_string(end));
        at = static_cast<uint64_t>(target);
        touched |= at == watched;
        farthest = std::max(farthest, at);
    }

    /* From now on: whether the place is gone to, and how far is read. */
    void watch(uint64_t offset)
    {
        watched = offset;
        touched = false;
        farthest = 0;
    }

    /* SG_PDF_NO_OFFSET: it was not gone to. */
    uint64_t watched_extent() const
    {
        return touched ? farthest : SG_PDF_NO_OFFSET;
    }

    void rewind() override
    {
        at = 0;
    }

    size_t read(char *out, size_t length) override
    {
        last_offset = tell();
        size_t left = at < end ? static_cast<size_t>(std::min<uint64_t>(length, end - at)) : 0, done = 0;
        while (done < left) {
            const char *from = octet();
            size_t here = std::min(left - done, static_cast<size_t>(window_start + window_len - at));
            memcpy(out + done, from, here);
            done += here;
            at += here;
        }
        farthest = std::max(farthest, at);
        return done;
    }

    void unreadCh(char) override
    {
        at -= at > 0 ? 1 : 0;
    }

  private:
    template <class Predicate> void skip(Predicate is_skipped)
    {
        bool found = false;
        while (at < end && !found) {
            const char *from = octet(), *last = window + window_len;
            const char *stop = std::find_if_not(from, last, is_skipped);
            at += static_cast<uint64_t>(stop - from);
            found = stop < last;
        }
    }

    /* The octet at `at`, which is before the end. */
    const char *octet()
    {
        if (at < window_start || at >= window_start + window_len) {
            Failure failure;
            window_len = 0;
            size_t want = static_cast<size_t>(std::min<uint64_t>(WINDOW, end - at)), n = 0;
            if (sg_input_read(file, at, window, want, &n, &failure.error) != SG_OK)
                throw failure;
            if (n < want) {
                (void)sg_fail(&failure.error, SG_E_INPUT_CHANGED, _("\"%s\" became shorter while it was read."),
                              name.c_str());
                throw failure;
            }
            window_start = at;
            window_len = n;
        }
        return window + (at - window_start);
    }

    sg_input *file;
    uint64_t end, at = 0, window_start = 0, watched = SG_PDF_NO_OFFSET, farthest = 0;
    bool touched = false;
    size_t window_len = 0;
    std::string name;
    char window[WINDOW];
};

/* Memory that lives as long as the document. */
class Arena
{
  public:
    template <class T> T *array(size_t count)
    {
        if (count == 0)
            return nullptr;
        return static_cast<T *>(take(count * sizeof(T), alignof(T)));
    }

    sg_slice text(const char *data, size_t len)
    {
        if (len > SG_MAX_PDF_STRING)
            throw limit(_("A string of a PDF is too long."));
        char *copy = static_cast<char *>(take(len + 1, 1));
        memcpy(copy, data, len);
        copy[len] = '\0';
        return {reinterpret_cast<uint8_t *>(copy), len};
    }

  private:
    void *take(size_t size, size_t alignment)
    {
        size_t at = (used + alignment - 1) & ~(alignment - 1);
        if (blocks.empty() || at > room || size > room - at) {
            size_t next = std::max<size_t>(size, 16 * SG_KIB);
            blocks.push_back(std::make_unique<std::max_align_t[]>(next / sizeof(std::max_align_t) + 1));
            room = next;
            at = 0;
        }
        used = at + size;
        return reinterpret_cast<char *>(blocks.back().get()) + at;
    }

    std::deque<std::unique_ptr<std::max_align_t[]>> blocks;
    size_t used = 0, room = 0;
};

class Document final : public sg_pdf
{
  public:
    Document(sg_input *file, uint64_t length) : sg_pdf{}
    {
        module = &sg_pdf_module_table;
        input = file;
        end = length;
        heap.max = static_cast<size_t>(std::min<uint64_t>(
            SG_MAX_PDF_MEMORY,
            SG_PDF_MEMORY_FREE + SG_PDF_MEMORY_RATIO * std::min<uint64_t>(length, SG_MAX_PDF_MEMORY)));
    }

    void open()
    {
        qpdf.setSuppressWarnings(true);
        qpdf.setAttemptRecovery(false);
        source = std::make_shared<Source>(input, end);
        qpdf.processInputSource(source);
        trailer = keep(qpdf.getTrailer(), true);
        read_places();
    }

    bool encrypted()
    {
        QPDFObjectHandle handle = qpdf.getTrailer();
        return handle.isInitialized() && handle.isDictionary() && handle.hasKey("/Encrypt");
    }

    const sg_pdf_value *object(sg_pdf_id id)
    {
        static const sg_pdf_value null = {};
        auto known = cache.find(id.number);
        const sg_pdf_place *place = find(id);
        if (!place)
            return &null;
        if (known != cache.end() && !known->second.value)
            throw std::runtime_error("object " + std::to_string(id.number) + " cannot be read");
        if (known != cache.end())
            return known->second.value;
        Known &entry = cache[id.number]; /* what fails once is a null for qpdf, the next time */
        source->watch(place->compressed ? SG_PDF_NO_OFFSET : place->offset);
        try {
            QPDFObjectHandle handle = place->compressed ? packed(*place) : qpdf.getObject(id.number, id.generation);
            const sg_pdf_value *value = keep(handle, !place->compressed);
            check_warnings();
            entry = {value, source->watched_extent()};
            return value;
        } catch (QPDFExc const &error) { /* which does not always say of which object */
            if (!error.getObject().empty())
                throw;
            throw QPDFExc(error.getErrorCode(), error.getFilename(),
                          "object " + std::to_string(id.number) + " " + std::to_string(id.generation),
                          error.getFilePosition(), error.getMessageDetail());
        }
    }

    /* SG_PDF_NO_OFFSET: unknown. */
    uint64_t extent(sg_pdf_id id)
    {
        (void)object(id);
        auto known = cache.find(id.number);
        return known != cache.end() ? known->second.extent : SG_PDF_NO_OFFSET;
    }

    sg_pdf_heap::Tally heap = {}; /* of all below */

    const sg_pdf_value *dictionary(uint64_t offset);
    void stream(sg_pdf_id id, bool decoded, Pipeline *out);

    /* What qpdf only warns of is what it had to guess at, with two exceptions in which it reads what is there. */
    void check_warnings()
    {
        for (QPDFExc const &warning : qpdf.getWarnings())
            if (warning.getMessageDetail().compare(0, strlen(SIZE_WRONG), SIZE_WRONG) != 0 &&
                warning.getMessageDetail() != BLANKS)
                throw warning;
    }

  private:
    static constexpr const char *SIZE_WRONG = "reported number of objects ";
    static constexpr const char *BLANKS = "extraneous whitespace seen before xref";

    void read_places()
    {
        auto table = qpdf.getXRefTable();
        if (table.size() > SG_MAX_PDF_OBJECTS)
            throw limit(_("A PDF has too many objects."));
        sg_pdf_place *list = arena.array<sg_pdf_place>(table.size());
        for (auto const &[key, entry] : table) {
            if (entry.getType() != 1 && entry.getType() != 2)
                continue;
            sg_pdf_place place = {};
            place.id = {key.getObj(), key.getGen()};
            place.compressed = entry.getType() == 2;
            place.offset = static_cast<uint64_t>(place.compressed ? entry.getObjStreamNumber() : entry.getOffset());
            if (!place.compressed && place.offset >= end)
                throw std::runtime_error("object " + std::to_string(place.id.number) + " stands behind the end");
            place.index = place.compressed ? static_cast<unsigned>(entry.getObjStreamIndex()) : 0;
            if (count > 0 && list[count - 1].id.number == place.id.number)
                throw std::runtime_error("object " + std::to_string(place.id.number) + " is there in two generations");
            list[count++] = place;
        }
        places = list;
    }

    const sg_pdf_place *find(sg_pdf_id id) const
    {
        const sg_pdf_place *place = std::lower_bound(
            places, places + count, id.number, [](sg_pdf_place const &a, int number) { return a.id.number < number; });
        bool found = place < places + count && place->id.number == id.number && place->id.generation == id.generation;
        return found ? place : nullptr;
    }

    QPDFObjectHandle packed(sg_pdf_place const &place);
    ObjectStream read_object_stream(int number);

    /* A copy of an object, in plain values. `in_file`: its offsets are those of the file. */
    const sg_pdf_value *keep(QPDFObjectHandle handle, bool in_file)
    {
        size_t elements = 0;
        sg_pdf_value *value = arena.array<sg_pdf_value>(1);
        *value = convert(handle, in_file, false, 0, &elements);
        return value;
    }

    sg_pdf_value convert(QPDFObjectHandle &handle, bool in_file, bool inner, int depth, size_t *elements);
    void convert_array(QPDFObjectHandle &handle, bool in_file, int depth, size_t *elements, sg_pdf_value *value);
    void convert_dictionary(QPDFObjectHandle handle, bool in_file, int depth, size_t *elements, sg_pdf_value *value);

    struct Known {
        const sg_pdf_value *value; /* nullptr: it cannot be read */
        uint64_t extent;           /* how far was read for it */
    };

    std::shared_ptr<Source> source;
    QPDF qpdf;
    Arena arena;
    std::unordered_map<int, Known> cache;          /* by object number */
    std::unordered_map<int, ObjectStream> streams; /* likewise; those that are not read cannot be */
};

void Document::convert_array(QPDFObjectHandle &handle, bool in_file, int depth, size_t *elements, sg_pdf_value *value)
{
    std::vector<QPDFObjectHandle> items = handle.getArrayAsVector();
    sg_pdf_entry *entries = arena.array<sg_pdf_entry>(items.size());
    for (size_t i = 0; i < items.size(); i++)
        entries[i] = {{}, convert(items[i], in_file, true, depth + 1, elements)};
    value->entries = entries;
    value->count = items.size();
}

void Document::convert_dictionary(QPDFObjectHandle handle, bool in_file, int depth, size_t *elements,
                                  sg_pdf_value *value)
{
    auto items = handle.getDictAsMap(); /* sorted by key */
    sg_pdf_entry *entries = arena.array<sg_pdf_entry>(items.size());
    for (auto &[key, item] : items) {
        sg_pdf_value inner = convert(item, in_file, true, depth + 1, elements);
        if (inner.type == SG_PDF_NULL)
            continue;
        if (key.find('\0') != std::string::npos)
            throw std::runtime_error("a key has a NUL in it");
        entries[value->count++] = {arena.text(key.data() + 1, key.size() - 1), inner}; /* without the slash */
    }
    value->entries = entries;
}

sg_pdf_value Document::convert(QPDFObjectHandle &handle, bool in_file, bool inner, int depth, size_t *elements)
{
    sg_pdf_value value = {};
    if (depth > SG_MAX_PDF_DEPTH)
        throw limit(_("Arrays and dictionaries of a PDF are nested too deeply."));
    if (++*elements > SG_MAX_PDF_ELEMENTS)
        throw limit(_("An object of a PDF has too many elements."));
    if (inner && handle.isIndirect()) {
        value.type = SG_PDF_REFERENCE;
        value.offset = SG_PDF_NO_OFFSET;
        value.id = {handle.getObjectID(), handle.getGeneration()};
        return value;
    }
    qpdf_offset_t offset = handle.getParsedOffset();
    value.offset = in_file && offset >= 0 ? static_cast<uint64_t>(offset) : SG_PDF_NO_OFFSET;
    switch (handle.getTypeCode()) {
    case ot_null:
        value.type = SG_PDF_NULL;
        break;
    case ot_boolean:
        value.type = SG_PDF_BOOLEAN;
        value.boolean = handle.getBoolValue();
        break;
    case ot_integer:
        value.type = SG_PDF_INTEGER;
        value.integer = handle.getIntValue();
        break;
    case ot_real: {
        std::string text = handle.getRealValue();
        value.type = SG_PDF_REAL;
        value.text = arena.text(text.data(), text.size());
        break;
    }
    case ot_name: {
        std::string text = handle.getName();
        value.type = SG_PDF_NAME;
        value.text = arena.text(text.data() + 1, text.size() - 1);
        break;
    }
    case ot_string: {
        std::string text = handle.getStringValue();
        value.type = SG_PDF_STRING;
        value.text = arena.text(text.data(), text.size());
        break;
    }
    case ot_array:
        value.type = SG_PDF_ARRAY;
        convert_array(handle, in_file, depth, elements, &value);
        break;
    case ot_dictionary:
        value.type = SG_PDF_DICTIONARY;
        convert_dictionary(handle, in_file, depth, elements, &value);
        break;
    case ot_stream: {
        QPDFObjectHandle dictionary = handle.getDict();
        offset = dictionary.getParsedOffset();
        value.type = SG_PDF_STREAM;
        value.offset = offset >= 0 ? static_cast<uint64_t>(offset) : SG_PDF_NO_OFFSET;
        convert_dictionary(dictionary, in_file, depth, elements, &value);
        break;
    }
    default:
        throw std::runtime_error("something that is no object stands where one is expected");
    }
    return value;
}

/* What stands between "obj" and "stream", where no string or comment has these words. */
const sg_pdf_value *Document::dictionary(uint64_t offset)
{
    std::string text(static_cast<size_t>(std::min<uint64_t>(SG_SMALL_FILE, offset < end ? end - offset : 0)), '\0');
    source->seek(static_cast<qpdf_offset_t>(offset), SEEK_SET);
    text.resize(source->read(text.data(), text.size()));
    size_t first = text.find("obj"), last = text.find("stream");
    if (first == std::string::npos || last == std::string::npos || last < first)
        throw std::runtime_error("no stream stands at " + std::to_string(offset));
    first += strlen("obj");
    QPDFObjectHandle handle = QPDFObjectHandle::parse(&qpdf, text.substr(first, last - first), "XRefStm");
    if (!handle.isDictionary())
        throw std::runtime_error("no stream stands at " + std::to_string(offset));
    const sg_pdf_value *value = keep(handle, false);
    check_warnings();
    return value;
}

/* Takes a stream's data, up to the limit of a buffer. */
class Taker final : public Pipeline
{
  public:
    explicit Taker(sg_buf *out_) : Pipeline("signet", nullptr), out(out_)
    {
    }

    void write(unsigned char const *data, size_t len) override
    {
        Failure failure;
        if (sg_buf_append(out, data, len, &failure.error) != SG_OK)
            throw failure;
    }

    void finish() override
    {
    }

  private:
    sg_buf *out;
};

void Document::stream(sg_pdf_id id, bool decoded, Pipeline *out)
{
    const sg_pdf_place *place = find(id);
    QPDFObjectHandle handle =
        place && !place->compressed ? qpdf.getObject(id.number, id.generation) : QPDFObjectHandle::newNull();
    if (!handle.isStream())
        throw std::runtime_error("object " + std::to_string(id.number) + " is no stream");
    bool filtered = false;
    bool done = handle.pipeStreamData(out, &filtered, 0, decoded ? qpdf_dl_specialized : qpdf_dl_none);
    check_warnings();
    if (!done || (decoded && !filtered))
        throw std::runtime_error("the data of object " + std::to_string(id.number) + " cannot be decoded");
}

/* An object stream has the generation 0, and is in none itself (§7.5.7). */
ObjectStream Document::read_object_stream(int number)
{
    const std::string name = "object " + std::to_string(number);
    const sg_pdf_place *place = find({number, 0});
    QPDFObjectHandle handle = place && !place->compressed ? qpdf.getObject(number, 0) : QPDFObjectHandle::newNull();
    if (!handle.isStream() || !handle.getDict().isDictionaryOfType("/ObjStm"))
        throw std::runtime_error(name + " is no object stream, and is said to have an object in it");
    QPDFObjectHandle pairs = handle.getDict().getKey("/N"), first = handle.getDict().getKey("/First");
    std::string decoded; /* which is counted */
    Pl_String taker("signet", nullptr, decoded);
    stream({number, 0}, true, &taker);
    if (!pairs.isInteger() || !first.isInteger() ||
        !ObjectStream::is_possible(pairs.getIntValue(), first.getIntValue(), decoded.size()))
        throw std::runtime_error(name + " is an object stream with a wrong /N or /First");
    size_t entries = static_cast<size_t>(pairs.getIntValue());
    char *data = arena.array<char>(decoded.size() + 1); /* what is empty has a place, too */
    std::copy_n(decoded.data(), decoded.size(), data);
    return ObjectStream({data, decoded.size()}, static_cast<size_t>(first.getIntValue()),
                        arena.array<ObjectStream::Entry>(entries), entries);
}

/* An object in an object stream. */
QPDFObjectHandle Document::packed(sg_pdf_place const &place)
{
    int number = static_cast<int>(place.offset);
    auto [known, is_new] = streams.try_emplace(number);
    if (is_new)
        known->second = read_object_stream(number);
    if (!known->second.is_read())
        throw std::runtime_error("object stream " + std::to_string(number) + " cannot be read");
    return known->second.object(qpdf, place.id.number, place.index);
}

/* --- errors ---------------------------------------------------------------------------------------------------------
 */

/* What qpdf says, or this file; it quotes what it read, so that it is data. */
class Words
{
  public:
    explicit Words(std::string const &said)
    {
        buffer.max = 4 * LONGEST;
        if (sg_utf8_append_printable(&buffer, said.data(), std::min<size_t>(said.size(), LONGEST), nullptr) != SG_OK ||
            sg_buf_text(&buffer, &text, nullptr) != SG_OK)
            text = "";
    }
    Words(Words const &) = delete;
    Words &operator=(Words const &) = delete;
    ~Words()
    {
        sg_buf_clear(&buffer);
    }

    const char *text = "";

  private:
    static constexpr size_t LONGEST = 160; /* octets */
    sg_buf buffer = {};
};

/* `where`: "object 4 0", "xref table", or "". `offset` 0: unknown. */
enum sg_rc malformed(const sg_pdf *pdf, std::string const &cause, std::string const &where, qpdf_offset_t offset,
                     sg_err *err)
{
    const char *name = sg_input_name(pdf->input);
    const Words what(cause), place(where);
    enum sg_rc rc = SG_OK;

    if (offset > 0 && place.text[0])
        rc = sg_fail(err, SG_E_MALFORMED, _("The PDF \"%s\" is broken at octet %lld (%s): %s."), name,
                     static_cast<long long>(offset), place.text, what.text);
    else if (offset > 0)
        rc = sg_fail(err, SG_E_MALFORMED, _("The PDF \"%s\" is broken at octet %lld: %s."), name,
                     static_cast<long long>(offset), what.text);
    else if (place.text[0])
        rc = sg_fail(err, SG_E_MALFORMED, _("The PDF \"%s\" is broken (%s): %s."), name, place.text, what.text);
    else
        rc = sg_fail(err, SG_E_MALFORMED, _("The PDF \"%s\" is broken: %s."), name, what.text);
    return sg_about(name, err, rc);
}

enum sg_rc refuse_encrypted(const sg_pdf *pdf, sg_err *err)
{
    const char *name = sg_input_name(pdf->input);
    return sg_about(name, err,
                    sg_fail(err, SG_E_UNSUPPORTED,
                            _("The PDF \"%s\" is encrypted, which Signet does not read; save it without a password "
                              "first, if its signatures are not needed."),
                            name));
}

enum sg_rc failed(const sg_pdf *pdf, Failure const &failure, sg_err *err)
{
    if (err)
        *err = failure.error;
    return sg_about(sg_input_name(pdf->input), err, failure.error.rc);
}

enum sg_rc too_much(const sg_pdf *pdf, sg_err *err)
{
    const char *name = sg_input_name(pdf->input);
    return sg_about(name, err,
                    sg_fail(err, SG_E_LIMIT,
                            _("What is compressed in the PDF \"%s\", or how it is made up, takes more memory than a "
                              "file of its size may; have it saved anew, without compression, by the program that "
                              "made it."),
                            name));
}

/* Runs `work` on a document; every exception becomes an error. */
template <class Work> enum sg_rc attempt(Document *pdf, sg_err *err, Work work) noexcept
{
    try {
        sg_pdf_heap::Counting counting(&pdf->heap);
        work();
        return SG_OK;
    } catch (Failure const &failure) {
        return failed(pdf, failure, err);
    } catch (std::bad_alloc const &) {
        return sg_fail_memory(err);
    } catch (QPDFExc const &error) {
        return malformed(pdf, error.getMessageDetail(), error.getObject(), error.getFilePosition(), err);
    } catch (std::exception const &error) {
        return malformed(pdf, error.what(), "", 0, err);
    } catch (...) {
        return malformed(pdf, "it cannot be read", "", 0, err);
    }
}

/* The same. qpdf may take what it did not get for the file's fault, or go on: a document that wanted too much is not
 * used any further. */
template <class Work> enum sg_rc guard(Document *pdf, sg_err *err, Work work) noexcept
{
    enum sg_rc rc = pdf->heap.exceeded ? SG_E_LIMIT : attempt(pdf, err, work);
    return pdf->heap.exceeded ? too_much(pdf, err) : rc;
}

enum sg_rc open_document(sg_input *input, uint64_t end, sg_pdf **ret, sg_err *err)
{
    Document *pdf = new (std::nothrow) Document(input, end);
    bool encrypted = false;
    if (!pdf)
        return sg_fail_memory(err);
    enum sg_rc rc = guard(pdf, err, [&] { pdf->open(); });
    /* What is encrypted may have failed for that. */
    if ((rc == SG_OK || rc == SG_E_MALFORMED) && guard(pdf, nullptr, [&] { encrypted = pdf->encrypted(); }) == SG_OK &&
        encrypted)
        rc = refuse_encrypted(pdf, err);
    if (rc == SG_OK)
        rc = guard(pdf, err, [&] { pdf->check_warnings(); });
    if (rc == SG_OK)
        *ret = pdf;
    else
        delete pdf;
    return rc;
}

void free_document(sg_pdf *pdf)
{
    delete static_cast<Document *>(pdf);
}

enum sg_rc read_object(sg_pdf *pdf, sg_pdf_id id, const sg_pdf_value **ret, sg_err *err)
{
    Document *document = static_cast<Document *>(pdf);
    return guard(document, err, [&] { *ret = document->object(id); });
}

enum sg_rc find_extent(sg_pdf *pdf, sg_pdf_id id, uint64_t *ret, sg_err *err)
{
    Document *document = static_cast<Document *>(pdf);
    return guard(document, err, [&] { *ret = document->extent(id); });
}

enum sg_rc read_dictionary(sg_pdf *pdf, uint64_t offset, const sg_pdf_value **ret, sg_err *err)
{
    Document *document = static_cast<Document *>(pdf);
    return guard(document, err, [&] { *ret = document->dictionary(offset); });
}

enum sg_rc read_stream(sg_pdf *pdf, sg_pdf_id id, bool decoded, sg_buf *out, sg_err *err)
{
    Document *document = static_cast<Document *>(pdf);
    return guard(document, err, [&] {
        Taker taker(out);
        document->stream(id, decoded, &taker);
    });
}

} // namespace

const struct sg_pdf_module sg_pdf_module_table = {open_document, free_document,   read_object,
                                                  find_extent,   read_dictionary, read_stream};
