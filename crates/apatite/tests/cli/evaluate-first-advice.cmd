apatite evaluate --first-advice examples/article
