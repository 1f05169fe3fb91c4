/* Private to signet-pdf.so: how much memory libqpdf and libstdc++ may hold for one document. libqpdf inflates and
 * parses what it needs without a limit of its own, so a file of some kilobytes could have it take gigabytes. */
#pragma once

#include <cstddef>

namespace sg_pdf_heap
{

struct Tally {
    size_t max;            /* octets */
    size_t used = 0;       /* of them now */
    bool exceeded = false; /* more was wanted, at some time; whoever wanted it got std::bad_alloc */
};

/* While this lives, what its thread takes and gives back with operator new and delete is of `tally`. Of what a document
 * is made of nothing is touched elsewhere, so that its tally is right whichever thread has it. */
class Counting
{
  public:
    explicit Counting(Tally *tally);
    Counting(Counting const &) = delete;
    Counting &operator=(Counting const &) = delete;
    ~Counting();

  private:
    Tally *before;
};

} // namespace sg_pdf_heap
