"""The enclave worker: takes batches of people off the queue and carries each person's part to its end.

It has no listening socket. It alone holds the spaces' keys, and raw documents pass through its memory as
bytes on their way into the sandbox.
"""
