"""Documents, chunks, vectors: files in, hits with their exact places out. Knows nothing of gpt or HTTP.

`indexer.index.Index` is the way in; nothing is imported here, so that `indexer.types` comes without numpy and FAISS.
"""
