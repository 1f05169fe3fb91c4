/* Inside of the module signet-pdf.so: an object stream (ISO 32000-1 §7.5.7), by what a cross-reference says of it and
 * by what it says itself. Readers trust one or the other: what differs is malformed. */
#pragma once

#include <cstddef>
#include <string_view>

#define POINTERHOLDER_TRANSITION 4
#include <qpdf/QPDF.hh>
#include <qpdf/QPDFObjectHandle.hh>

class ObjectStream
{
  public:
    /* A pair of numbers that it begins with. */
    struct Entry {
        int number;
        unsigned index;
        size_t start, end; /* in the decoded data: up to the next object */
    };

    ObjectStream() = default;
    /* How many entries may be there: /N is no more than the octets before /First have room for. */
    static bool is_possible(long long count, long long first, size_t size)
    {
        return count >= 0 && first >= 0 && static_cast<unsigned long long>(first) <= size && count <= (first + 1) / 4;
    }
    /* `data` is decoded, `count` is /N, and both are possible; `room` is for as many entries. Both live as long as
     * this. Throws std::exception, which says what is wrong. */
    ObjectStream(std::string_view data, size_t first, Entry *room, size_t count);

    /* The object of that number, which has to stand there once, at that index. Throws as above. */
    QPDFObjectHandle object(QPDF &qpdf, int number, unsigned index) const;

    bool is_read() const
    {
        return data.data() != nullptr;
    }

  private:
    const Entry *find(int number, unsigned index) const;

    std::string_view data;
    const Entry *entries = nullptr; /* sorted by number */
    size_t count = 0;
};
