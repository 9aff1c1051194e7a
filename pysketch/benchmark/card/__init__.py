"""One report on a card, made by one command: tests, times beside PyTorch's, rooflines, calls, memory, accuracy.

A report has sections (`sections`), each a process of its own with a share of the time, and a section has pieces, such
as one net at one batch. Whatever fails, hangs or runs out of memory ends its piece, at worst its section, and is named;
the rest goes on, and after every section the report is written anew, so that what was found is never lost.

Start reading at `report`, then `sections`.
"""
