#include "formats/pdf_object_stream.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include <qpdf/Buffer.hh>
#include <qpdf/BufferInputSource.hh>
#include <qpdf/QPDFTokenizer.hh>

extern "C" {
#include "base/limits.h"
#include "formats/pdf_private.h"
}

namespace
{

/* The next of the whole numbers that white space parts; `limit` is the highest it may be. */
size_t next_number(std::string_view data, size_t *at, size_t limit)
{
    size_t number = 0;
    while (*at < data.size() && sg_pdf_is_space(data[*at]))
        ++*at;
    size_t start = *at;
    for (; *at < data.size() && data[*at] >= '0' && data[*at] <= '9' && number <= limit; ++*at)
        number = number * 10 + static_cast<size_t>(data[*at] - '0');
    if (*at == start || number > limit || (*at < data.size() && !sg_pdf_is_space(data[*at])))
        throw std::runtime_error("an object stream does not begin with the numbers that it has to");
    return number;
}

/* Nothing but white space and comments. */
bool is_blank(std::string_view text)
{
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '%')
            i = std::min(text.find_first_of("\r\n", i), text.size());
        else if (!sg_pdf_is_space(text[i]))
            return false;
    }
    return true;
}

/* Some readers take a whole number for the beginning of a reference, as which the next object would go on. */
bool goes_on_as_reference(QPDFTokenizer &tokenizer, std::shared_ptr<InputSource> const &input)
{
    static const std::string of = "object stream";
    return tokenizer.readToken(input, of, true).getType() == QPDFTokenizer::tt_integer &&
           tokenizer.readToken(input, of, true).isWord("R");
}

} // namespace

ObjectStream::ObjectStream(std::string_view data_, size_t first, Entry *room, size_t count_)
    : data(data_), entries(room), count(count_)
{
    size_t at = 0, previous = first;
    for (size_t i = 0; i < count; i++) {
        int number = static_cast<int>(next_number(data, &at, SG_MAX_PDF_NUMBER));
        size_t start = first + next_number(data, &at, data.size() - first);
        if (start < previous)
            throw std::runtime_error("the objects of an object stream do not stand in their order");
        if (i > 0)
            room[i - 1].end = start;
        room[i] = {number, static_cast<unsigned>(i), start, data.size()};
        previous = start;
    }
    if (at > first)
        throw std::runtime_error("the numbers that an object stream begins with reach into its objects");
    std::sort(room, room + count, [](Entry const &a, Entry const &b) { return a.number < b.number; });
}

const ObjectStream::Entry *ObjectStream::find(int number, unsigned index) const
{
    const Entry *end = entries + count;
    const Entry *entry =
        std::lower_bound(entries, end, number, [](Entry const &a, int wanted) { return a.number < wanted; });
    if (entry == end || entry->number != number)
        throw std::runtime_error("object " + std::to_string(number) +
                                 " is not in the object stream that it is said to be in");
    if (entry + 1 < end && entry[1].number == number)
        throw std::runtime_error("object " + std::to_string(number) + " is more than once in an object stream");
    if (entry->index != index)
        throw std::runtime_error("object " + std::to_string(number) + " has another index in its object stream than " +
                                 std::to_string(index));
    return entry;
}

QPDFObjectHandle ObjectStream::object(QPDF &qpdf, int number, unsigned index) const
{
    const Entry *entry = find(number, index);
    const std::string name = "object " + std::to_string(number);
    Buffer whole(reinterpret_cast<unsigned char *>(const_cast<char *>(data.data())), data.size());
    auto input = std::make_shared<BufferInputSource>(name, &whole);
    QPDFTokenizer tokenizer;
    bool empty = false;
    input->seek(static_cast<qpdf_offset_t>(entry->start), SEEK_SET);
    QPDFObjectHandle handle = QPDFObjectHandle::parse(input, name, tokenizer, empty, nullptr, &qpdf);
    size_t end = static_cast<size_t>(input->tell());
    if (empty || end > entry->end || !is_blank(data.substr(end, entry->end - end)))
        throw std::runtime_error(name + " does not end where the next one in its object stream begins");
    if (handle.isInteger() && goes_on_as_reference(tokenizer, input))
        throw std::runtime_error(name + " may be taken for a reference");
    return handle;
}
