"""Mutated files of every kind that is read: never a crash, a hang, a stray exception, or a lot of memory.

``python -m tests.fuzz [KIND …] --count 10000``. A kind is a file of this folder:

- ``seeds() -> Mapping[str, bytes]``: whole files by name, small ones.
- ``read(content: bytes)``: reads one as the program does. It runs in an empty folder that nothing else uses.
- ``ALLOWED``: the exceptions that ``read`` may raise, each with a message of one line; default: ``UserError`` and
  ``WorkError``.
- ``TOKENS`` (optional): pieces of bytes that mean something in such a file, spliced in now and then.
- ``mutated(content, numbers) -> bytes`` (optional): a change that follows the file's structure; it takes turns with
  changes of bytes. ``documents.mutated`` is one for JSON.
- ``REFUSES`` (optional): False where nearly everything is read. ``IN_SUITE`` (optional): cases in the tests, fewer
  where each takes long.
- ``BYTES`` (optional): the share of changes that are of bytes, 0.5 by default where there is a ``mutated``.
"""
